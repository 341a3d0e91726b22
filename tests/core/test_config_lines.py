"""Contract of `config.lines`: a mistake is shown in the line where it stands."""

import pytest

from hearthd.config.lines import line_of

TEXT = """\
# comment
[room] # here
name = 1
text = '''
[gate]
x = 2
'''
after = 3
oneline = '''x'''
[ devices.lamp ]
topic = "="
[devices]
fan = { speed = 1 }
[devices."quoted name"]
type = 1
[gate]
"very long"."key" = 1
[[list]]
entry = 1
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("room", 2),
        ("room.name", 3),
        ("room.text", 4),
        ("room.after", 8),
        ("room.oneline", 9),
        ("room.absent", 2),
        ("devices.lamp", 10),
        ("devices.lamp.topic", 11),
        ("devices.lamp.topic[3]", 11),
        ("devices.fan.speed", 13),
        ("devices.quoted name.type", 15),
        ("gate", 16),
        ("gate.x", 16),
        ("gate.very long.key", 17),
        ("list.entry", 19),
        ("absent", None),
    ],
)
def test_a_key_is_found_in_its_line(key: str, line: int | None) -> None:
    """Tables, dotted and quoted keys, inline tables and texts of several lines do not lead astray."""
    assert line_of(key, TEXT) == line
