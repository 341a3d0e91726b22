"""Contract of `hearthd.config`: what is right is loaded, what is wrong is named with its place."""

import re
import tomllib
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from pymicro_wakeword import Model

from hearthd import config
from hearthd.config.loading import KINDS, SECTIONS
from hearthd.core.home.devices import Device, Light
from hearthd.core.settings import BUILTIN_WAKE_WORDS, ESPEAK_VOICES, FLITE_VOICES, RoomSettings, Secret

EXAMPLE = Path(__file__).resolve().parents[2] / "config/hearthd.toml"
KEY = {"OPENAI_API_KEY": "sk-test"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path of a configuration that a test writes itself."""
    return tmp_path / "hearthd.toml"


def mistakes(file: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    """Load `text` and return what is wrong with it, each without the folder."""
    file.write_text(text, encoding="utf-8")
    with pytest.raises(config.ConfigError) as refused:
        config.load(file, environment or {})
    assert str(refused.value) == "\n".join(map(str, refused.value.mistakes))
    return [str(mistake).removeprefix(f"{file.parent}/") for mistake in refused.value.mistakes]


def loaded(file: Path, text: str, environment: dict[str, str] | None = None) -> config.Settings:
    """Load `text`, which must be right."""
    file.write_text(text, encoding="utf-8")
    return config.load(file, environment or {})


# ------------------------------------------------------------------------------------------- the shipped file


def test_the_shipped_file_says_what_counts_without_it(file: Path) -> None:
    """Who reads the example reads the truth: it equals the defaults, as an empty file does."""
    without_key = loaded(file, "")
    assert config.load(EXAMPLE, {}) == without_key
    assert msgspec.structs.replace(without_key, warnings=()) == config.Settings()


def test_the_shipped_file_names_every_key() -> None:
    """No setting can be added without a line that explains it."""
    written = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert {name: set(table) for name, table in written.items()} == {
        "devices": set(),
        **{name: {field.encode_name for field in msgspec.structs.fields(kind)} for name, kind in SECTIONS.items()},
    }


def test_the_commented_devices_of_the_shipped_file_work(file: Path) -> None:
    """Who removes the # signs gets a configuration that loads, with one device for each kind of firmware."""
    text = re.sub(r"^#(?=[\w\[])", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(loaded(file, text).devices) == ["bedroom_temperature", "coffee_machine", "kitchen_light"]


def test_every_key_of_the_shipped_file_has_a_comment_above_its_group() -> None:
    """A group of lines without a word of explanation teaches nothing."""
    for group in EXAMPLE.read_text(encoding="utf-8").split("\n\n"):
        assert group.strip().startswith("#") or "\n#" in group


# ---------------------------------------------------------------------------------------------- what is right


def test_values_of_the_file_replace_defaults(file: Path) -> None:
    """What the owner wrote counts; what is missing keeps its default."""
    settings = loaded(file, '[room]\nname = "Küche"\n[gate]\nfollow_up_s = 0\n', KEY)
    assert (settings.room, settings.gate.follow_up_s, settings.gate.vad_level) == (
        RoomSettings(name="Küche"),
        0.0,
        2,
    )
    assert settings.warnings == ()


def test_devices_become_their_kind(file: Path) -> None:
    """`type` chooses the struct; identifiers are the owner's own."""
    text = '[devices.lamp]\ntype = "light"\ncommand_topic = "a/set"\nstate_topic = "a"\n'
    assert loaded(file, text).devices == {"lamp": Light(command_topic="a/set", state_topic="a")}


def test_every_kind_of_device_can_be_configured() -> None:
    """The kinds are those of the catalogue, none is forgotten."""
    assert set(KINDS.values()) == set(get_args(Device))


@pytest.mark.parametrize(
    "url",
    [
        "wss://api.openai.com/v1/realtime?x=1",
        "ws://localhost:8080/v1/realtime",
        "ws://127.1.2.3/",
        "ws://[::1]:99/v1",
        "ws+unix:///run/server.sock",
        "ws+unix:///run/server.sock:/v1/realtime",
    ],
)
def test_addresses_that_keep_the_key_private_are_allowed(file: Path, url: str) -> None:
    """TLS everywhere, plain text inside this machine."""
    assert loaded(file, f'[realtime]\nurl = "{url}"').realtime.url == url


# ---------------------------------------------------------------------------------------------- what is wrong


def test_all_mistakes_come_at_once_in_the_order_of_the_file(file: Path) -> None:
    """Each with its line, its key, what was expected, what was found and the nearest valid key."""
    text = '[gate]\nvadlevel = 1\nvad_level = 9\n\n[mqqt]\nport = 1\n[room]\nname = ""\n'
    assert mistakes(file, text) == [
        "hearthd.toml:2: gate.vadlevel: no such key in [gate]; did you mean vad_level?",
        "hearthd.toml:3: gate.vad_level: expected a whole number from 0 to 3, found the number 9",
        "hearthd.toml:5: mqqt: there is no section [mqqt]; did you mean mqtt?",
        "hearthd.toml:8: room.name: expected a text of 1 to 64 characters, found an empty text",
    ]


def test_a_key_outside_any_section_is_told_where_it_belongs(file: Path) -> None:
    """The commonest mistake with TOML, and an unknown key there."""
    assert mistakes(file, "vad_level = 2\nbanana = 1\n") == [
        (
            "hearthd.toml:1: vad_level: stands in no section: every key belongs below a [section]; "
            "did you mean gate.vad_level?"
        ),
        "hearthd.toml:2: banana: stands in no section: every key belongs below a [section]",
    ]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A path that leads nowhere, and one that leads to a folder."""
    with pytest.raises(config.ConfigError, match=r"absent\.toml: cannot be read: No such file or directory"):
        config.load(tmp_path / "absent.toml", {})
    with pytest.raises(config.ConfigError, match="cannot be read: Is a directory"):
        config.load(tmp_path, {})


def test_broken_toml_and_broken_text_are_told_with_their_line(file: Path) -> None:
    """What is no TOML, or no UTF-8, is told with the place where reading stopped."""
    [broken] = mistakes(file, "[room\nname = 3")
    assert re.fullmatch(r"hearthd\.toml: is not valid TOML: .*\(at line 1, column 6\)", broken)
    file.write_bytes(b"[room]\nname = '\xff'\n")
    with pytest.raises(config.ConfigError, match=r"hearthd\.toml:2: expected UTF-8 text"):
        config.load(file, {})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"[gate]\nvad_level = {'9' * 5000}", "hearthd.toml: holds a number with more digits than Python reads"),
        (f"[gate]\nvad_level = {'[' * 5000}", "hearthd.toml: holds lists or tables that are nested too deeply"),
        (
            f"[gate]\nvad_level = 0x{'9' * 5000}",
            "hearthd.toml:2: gate.vad_level: expected a whole number from 0 to 3, found a number of more than 64 bits",
        ),
        (
            f"[devices.lamp.type{'.a' * 5000}]\n",
            "hearthd.toml: devices.lamp.type: expected ",
        ),
    ],
)
def test_what_no_parser_takes_is_a_mistake_like_any_other(file: Path, text: str, problem: str) -> None:
    """However odd the file is, it is named, and the daemon is not taken for one that crashed."""
    [only] = mistakes(file, text)
    assert only.startswith(problem)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ws://192.168.1.2/v1", "expected wss:// for the host 192.168.1.2: with ws:// the API key"),
        ("ws://localhost.example.com/", "expected wss:// for the host localhost.example.com"),
        (
            "https://api.openai.com/v1/realtime",
            "begins with wss://, ws:// or ws+unix://; did you mean wss://?",
        ),
        ("api.openai.com", "expected an address that begins with wss://"),
        ("wss:///v1", "expected a host name"),
        ("wss://host:99999/", "expected an address such as wss://api.openai.com/v1/realtime; check its host and port"),
        ("wss://[::1/", "; check its host and port"),
        ("wss://me:secret/x@host/", "; check its host and port"),
        ("wss://me:secret@host/", "expected no user name or password inside the address"),
        ("wss://api..example.com/", "expected a host name whose parts between the dots have 1 to 63 letters"),
        (f"wss://{'x' * 64}.example.com/", "expected a host name whose parts between the dots have 1 to 63 letters"),
        ("wss://host/#secret", "expected no part behind #"),
        ("ws+unix://host/run/x", "expected ws+unix:// and an absolute path"),
        ("ws+unix:run/x", "expected ws+unix:// and an absolute path"),
    ],
)
def test_an_address_that_cannot_work_or_would_leak_is_refused(file: Path, url: str, problem: str) -> None:
    """The key and the voice never travel readable, and a slip is told apart from an outage."""
    [only] = mistakes(file, f'[realtime]\nurl = "{url}"')
    assert only.startswith("hearthd.toml:2: realtime.url: ")
    assert problem in only
    assert "secret" not in only


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ('"a b" = "x"', "expected a header name"),
        ('Host = "x"', "belongs to the WebSocket handshake"),
        ('Sec-WebSocket-Protocol = "x"', "belongs to the WebSocket handshake"),
        ('X-A = "hidden\\r\\nX-B: y"', "expected one line of plain ASCII"),
        ('X-A = "hiddené"', "expected one line of plain ASCII"),
    ],
)
def test_headers_that_would_break_the_handshake_are_refused(file: Path, header: str, problem: str) -> None:
    """A header cannot smuggle in another one, and its value is never repeated."""
    [only] = mistakes(file, f"[realtime.headers]\n{header}")
    assert problem in only
    assert "hidden" not in only


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('host = "mqtt://broker"', 'mqtt.host: expected a host name such as "homeassistant.local"'),
        ('host = "mqtt://ha:hush@broker"', "mqtt.host: expected a host name such as"),
        ('host = "ha:hush@broker"', "mqtt.host: expected a host name such as"),
        ('host = "broker:1883"', "mqtt.host: expected a host name alone"),
        ('host = "hush:hush"', "mqtt.host: expected a host name alone"),
        ('host = "homeassistant..local"', "mqtt.host: expected a host name whose parts"),
        (f'host = "{"x" * 64}.local"', "mqtt.host: expected a host name whose parts"),
        ('host = "my hush"', "mqtt.host: expected a host name whose parts"),
        ('base_topic = "home/#"', "mqtt.base_topic: expected topic levels"),
        ('base_topic = "/home"', "mqtt.base_topic: expected topic levels"),
        ('discovery_prefix = "$SYS"', "mqtt.discovery_prefix: expected topic levels"),
    ],
)
def test_a_broker_that_cannot_be_meant_is_refused(file: Path, line: str, problem: str) -> None:
    """Addresses in place of names, and topics that no broker accepts; a password in them is not repeated."""
    [only] = mistakes(file, f"[mqtt]\n{line}")
    assert only.startswith(f"hearthd.toml:2: {problem}")
    assert "hush" not in only


def test_a_certificate_authority_must_be_one(file: Path, tmp_path: Path) -> None:
    """A missing file, one that is no certificate, and one that nothing uses are told; paths are resolved."""
    [absent] = mistakes(file, '[mqtt]\ntls = true\ntls_ca_file = "ca.pem"')
    assert absent == f"hearthd.toml:3: mqtt.tls_ca_file: cannot read {tmp_path}/ca.pem: No such file or directory"
    (tmp_path / "ca.pem").write_text("hello")
    [empty] = mistakes(file, '[mqtt]\ntls = true\ntls_ca_file = "ca.pem"')
    assert "holds no certificate in PEM form" in empty
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    [unused] = mistakes(file, '[mqtt]\ntls_ca_file = "ca.pem"')
    assert "is of use only with mqtt.tls = true" in unused
    text = '[mqtt]\ntls = true\nport = 8883\ntls_ca_file = "ca.pem"'
    assert loaded(file, text).mqtt.tls_ca_file == str(tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("devices = 3", "devices: expected sections such as [devices.lamp], found the number 3"),
        ("[devices]\nlamp = 3", "devices.lamp: expected a section [devices.lamp], found the number 3"),
        ("[devices.lamp]\nname = 'x'", 'devices.lamp: expected a key type: "light" or'),
        ("[devices.lamp]\ntype = 'ligth'", "did you mean light?"),
        ("[devices.lamp]\ntype = 'light'\ncommand_topik = 'x'", "did you mean command_topic?"),
        ("[devices.lamp]\ntype = 'light'", "devices.lamp.command_topic: expected a topic"),
        ("[policy]\nconfirm = ['garage']", 'policy.confirm[0]: there is no device "garage"'),
    ],
)
def test_a_device_that_cannot_be_understood_is_told(file: Path, text: str, problem: str) -> None:
    """Shape, kind and keys of a device are checked like those of every other section."""
    assert any(problem in mistake for mistake in mistakes(file, text))


def test_a_confirmation_for_a_known_device_counts(file: Path) -> None:
    """Without a warning: the code itself holds the device back."""
    text = "[devices.garage_door]\ntype='scene'\ncommand_topic='x'\n[policy]\nconfirm=['garage_door']"
    settings = loaded(file, text, KEY)
    assert (settings.policy.confirm, settings.warnings) == (("garage_door",), ())


def test_a_confirmation_for_an_unknown_device_names_the_nearest(file: Path) -> None:
    """A guard that guards nothing because of a slip would be dangerous."""
    text = "[devices.garage_door]\ntype='scene'\ncommand_topic='x'\n[policy]\nconfirm=['garage_dor']"
    [only] = mistakes(file, text)
    assert only.endswith('there is no device "garage_dor"; did you mean garage_door?')


# ------------------------------------------------------------------------------------------------- wake words


def test_the_built_in_words_are_those_of_the_library() -> None:
    """A newer library with more words, or fewer, shows here."""
    assert sorted(BUILTIN_WAKE_WORDS) == sorted(model.value for model in Model)


def test_an_unknown_wake_word_names_the_nearest(file: Path) -> None:
    """And one that stands there twice is told too."""
    assert mistakes(file, '[wake]\nwords = ["okay_nabo", "alexa", "alexa"]') == [
        'hearthd.toml:2: wake.words[0]: there is no built-in wake word "okay_nabo"; did you mean okay_nabu?',
        'hearthd.toml:2: wake.words[2]: "alexa" stands here twice',
    ]


def test_a_model_of_ones_own_must_be_whole(file: Path, tmp_path: Path) -> None:
    """Description and model must be there and of the right form: a wrong model would end the process."""
    text = '[wake]\nwords = ["own.json"]'
    assert mistakes(file, text) == [
        f"hearthd.toml:2: wake.words[0]: cannot read {tmp_path}/own.json: No such file or directory"
    ]
    (tmp_path / "own.json").write_text('{"model": "own.tflite", "wake_word": "Own"}')
    assert "missing required field `micro`" in mistakes(file, text)[0]
    description = {
        "model": "own.tflite",
        "wake_word": "Own",
        "micro": {"probability_cutoff": 0.9, "sliding_window_size": 5},
    }
    (tmp_path / "own.json").write_bytes(msgspec.json.encode(description))
    assert "own.tflite, which cannot be read: No such file" in mistakes(file, text)[0]
    (tmp_path / "own.tflite").write_bytes(b"<html>not found</html>")
    assert "own.tflite is not a TensorFlow Lite model" in mistakes(file, text)[0]
    (tmp_path / "own.tflite").write_bytes(b"\x1c\0\0\0TFL3")
    assert loaded(file, text).wake.words == (str(tmp_path / "own.json"),)


# ---------------------------------------------------------------------------------------------------- secrets


def test_credentials_count_before_the_environment(file: Path, tmp_path: Path) -> None:
    """What systemd hands over wins; space around a secret is an editor's, not the owner's."""
    (tmp_path / "openai_api_key").write_text(" sk-from-file\n")
    environment = {
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "OPENAI_API_KEY": "sk-from-environment",
        "HEARTHD_MQTT_PASSWORD": "two words",
    }
    settings = loaded(file, '[mqtt]\nusername = "me"', environment)
    assert settings.openai_api_key.reveal() == "sk-from-file"
    assert settings.mqtt_password.reveal() == "two words"
    assert settings.warnings == ()


def test_a_secret_never_prints_itself(file: Path) -> None:
    """Not in the settings' own text; two of the same text are the same."""
    assert "sk-test" not in str(loaded(file, "", KEY))
    assert {Secret("x"), Secret("y")} == {Secret("y"), Secret("x")}
    assert (str(Secret("x")), repr(Secret("")), bool(Secret("")), bool(Secret("x"))) == (
        "Secret('***')",
        "Secret('')",
        False,
        True,
    )


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("OPENAI_API_KEY", "hush hush", "openai_api_key: expected a key without spaces"),
        ("OPENAI_API_KEY", "hush\nhush", "openai_api_key: expected one line"),
        ("OPENAI_API_KEY", "hush—hush", "openai_api_key: expected plain ASCII"),
        ("HEARTHD_MQTT_PASSWORD", "hush\thush", "mqtt_password: expected one line"),
    ],
)
def test_a_damaged_secret_is_told_without_showing_it(file: Path, variable: str, value: str, problem: str) -> None:
    """What a copy from a web page left inside is named; the secret itself is not."""
    [only] = mistakes(file, "", {variable: value})
    assert only.startswith(f"{variable}: {problem}")
    assert "hush" not in only


def test_a_credential_that_cannot_be_read_is_named(file: Path, tmp_path: Path) -> None:
    """Neither a folder in its place nor bytes that are no text are shown or ignored."""
    (tmp_path / "openai_api_key").write_bytes(b"hush\xff")
    (tmp_path / "mqtt_password").mkdir()
    assert mistakes(file, "", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == [
        "openai_api_key: openai_api_key: cannot be read: it is not UTF-8 text",
        "mqtt_password: mqtt_password: cannot be read: Is a directory",
    ]


def test_a_folder_of_credentials_that_cannot_be_searched_is_named(file: Path) -> None:
    """Looking whether a credential is there may fail as reading it may; one that is not there is none."""
    folder = file.parent / ("x" * 300)
    assert mistakes(file, "", {"CREDENTIALS_DIRECTORY": str(folder)}) == [
        f"{'x' * 300}/openai_api_key: openai_api_key: cannot be read: File name too long",
        f"{'x' * 300}/mqtt_password: mqtt_password: cannot be read: File name too long",
    ]
    for empty in (file.parent, file):
        assert loaded(file, "", KEY | {"CREDENTIALS_DIRECTORY": str(empty)}).openai_api_key.reveal() == "sk-test"


@pytest.mark.parametrize("line", ['[mqtt]\npassword = "hush"', '[realtime]\napi_key = "hush"'])
def test_a_secret_in_the_file_is_sent_to_its_place(file: Path, line: str) -> None:
    """Everybody may read the file, so it is no place for a secret."""
    [only] = mistakes(file, line)
    assert "put it into /etc/credstore/hearthd." in only
    assert "hush" not in only


# --------------------------------------------------------------------------------------------------- warnings


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("[wake]\nwords = []\npush_to_talk = false", "Nothing can start a conversation"),
        ("[wake]\nwords = []\n[mqtt]\nhost = ''", "Nothing can start a conversation"),
        ("[gate]\nbarge_in = 'speech'", "may take its own voice for yours"),
        ("[mqtt]\ntls = true", "brokers speak TLS on 8883"),
        ("[offline]\nvoice = 'rms'\npitch = 1.2", "offline.pitch has no effect on the voice rms"),
    ],
)
def test_what_is_hardly_meant_is_said_at_every_start(file: Path, text: str, warning: str) -> None:
    """Nothing is silently accepted: a setting without effect is told in a sentence."""
    [only] = loaded(file, text, KEY).warnings
    assert warning in only


def test_a_password_without_a_name_is_told(file: Path) -> None:
    """The broker would never see it."""
    [only] = loaded(file, "", KEY | {"HEARTHD_MQTT_PASSWORD": "x"}).warnings
    assert "no mqtt.username" in only


@pytest.mark.parametrize(
    ("realtime", "warned"),
    [
        ("", True),
        ('url = "ws://localhost/"', False),
        ('url = "ws+unix:///run/x"', False),
        ('headers = { Authorization = "Basic x" }', False),
        ('headers = { api-key = "x" }', False),
        ('headers = { api-key = "{openai_api_key}" }', True),
    ],
)
def test_a_missing_key_is_told_where_one_is_needed(file: Path, realtime: str, warned: bool) -> None:
    """A server on this machine, or a header of one's own, needs none."""
    warnings = loaded(file, f"[realtime]\n{realtime}").warnings
    assert any("There is no API key" in warning for warning in warnings) == warned


@pytest.mark.parametrize(
    ("enabled", "consequence"),
    [("true", "so hearthd works offline only until there is one"), ("false", "the server refuses every conversation")],
)
def test_what_a_missing_key_means_depends_on_the_offline_server(file: Path, enabled: str, consequence: str) -> None:
    """A newcomer without a key has a working speaker, and is told what it lacks."""
    [only] = loaded(file, f"[offline]\nenabled = {enabled}").warnings
    assert only.startswith(f"There is no API key here, {'so' if enabled == 'true' else 'and'}")
    assert consequence in only


# -------------------------------------------------------------------------------------------------- offline


@pytest.mark.parametrize("voice", [*FLITE_VOICES, *ESPEAK_VOICES])
def test_every_known_voice_may_be_chosen(file: Path, voice: str) -> None:
    """What the shipped file and the message of a mistake offer is accepted."""
    assert loaded(file, f'[offline]\nvoice = "{voice}"').offline.voice == voice


def test_a_voice_that_does_not_exist_is_told_with_those_that_do(file: Path) -> None:
    """The synthesiser itself would take another one without a word."""
    [only] = mistakes(file, '[offline]\nvoice = "sld"')
    assert only.startswith('hearthd.toml:2: offline.voice: there is no voice "sld"; did you mean slt?; flite has slt, ')
    assert "espeak-ng has en-us, " in only


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("speed = 0.4", "offline.speed: expected a number from 0.5 to 2, found the number 0.4"),
        ("pitch = 2.1", "offline.pitch: expected a number from 0.5 to 2, found the number 2.1"),
        ('socket = "run/x"', "offline.socket: expected an absolute path"),
        (f'socket = "/{"x" * 107}"', "offline.socket: expected a path of at most 107 bytes"),
        ('socket = "/x\\u0000y"', "offline.socket: expected a text in quotes, found a text with a NUL character"),
        ('socket = "/run/x?y"', 'offline.socket: expected a path without ":", "?" and "#", found'),
    ],
)
def test_offline_settings_that_cannot_work_are_refused(file: Path, line: str, problem: str) -> None:
    """A voice nobody could follow, and addresses that no socket can have."""
    [only] = mistakes(file, f"[offline]\n{line}")
    assert only.startswith(f"hearthd.toml:2: {problem}")


def test_the_longest_address_of_a_socket_is_allowed(file: Path) -> None:
    """The limit is the kernel's, not one less."""
    path = f"/{'x' * 106}"
    assert loaded(file, f'[offline]\nsocket = "{path}"').offline.socket == path
