"""Errors and stalls injected below pyalsaaudio, on the virtual sound card."""

import errno
import os
import subprocess
import sys
from pathlib import Path

from tests.doubles.alsafault import AlsaFault, Call
from tests.doubles.vcard import VirtualCard

READER = """
import alsaaudio, sys, time
for line in sys.stdin:
    started_s = time.monotonic()
    try:
        if line.strip() == "open":
            pcm = None
            pcm = alsaaudio.PCM(alsaaudio.PCM_CAPTURE, alsaaudio.PCM_NONBLOCK, device="hearth_mic", channels=1)
            answer = "opened"
        else:
            answer = "read" if pcm.read()[0] >= 0 else "xrun"
    except alsaaudio.ALSAAudioError as error:
        answer = str(error)
    print("slow" if time.monotonic() - started_s > 0.3 else "", answer, flush=True)
"""


def test_orders_reach_a_running_process(tmp_path: Path) -> None:
    """Calls fail with the errno ordered, as often as ordered, stall when asked, and are counted all the while."""
    with VirtualCard(tmp_path) as card, AlsaFault(tmp_path) as fault:
        reader = subprocess.Popen(
            [sys.executable, "-c", READER],
            env={**os.environ, **card.env(), **fault.env()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        def ask(what: str) -> str:
            assert reader.stdin is not None
            assert reader.stdout is not None
            reader.stdin.write(f"{what}\n")
            reader.stdin.flush()
            return reader.stdout.readline().strip()

        fault.fail(Call.OPEN, errno.EBUSY)
        assert [ask("open"), ask("open")] == ["Device or resource busy [hearth_mic]", "opened"]
        fault.fail(Call.READ, errno.EIO, times=2)
        broken = "Input/output error [hearth_mic]"
        assert [broken, broken] == [ask("read"), ask("read")]
        fault.fail(Call.READ, errno.ENODEV, times=-1)
        assert [ask("read") for _ in range(3)] == ["No such device [hearth_mic]"] * 3
        fault.mend()
        assert ask("read") in ("read", "xrun")
        fault.fail(Call.READ, 0, stall_s=0.4)
        assert ask("read").startswith("slow")
        assert (fault.calls(Call.OPEN), fault.calls(Call.READ)) == (2, 7)
        reader.communicate(timeout=10)
    assert reader.returncode == 0
