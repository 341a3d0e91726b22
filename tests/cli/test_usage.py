"""Contract of `hearthd usage`: what was spent, for people, for programs and as a picture."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from hearthd.__main__ import main
from hearthd.adapters.store import FILE_NAME
from hearthd.adapters.store_clock import SystemClock
from hearthd.adapters.store_file import LedgerFile
from hearthd.cli import shared, usage
from hearthd.config.state import state_folder
from hearthd.core.money.account import Moment
from hearthd.core.money.amounts import to_pusd
from hearthd.core.money.bookings import Booking
from hearthd.core.money.cost import Cost
from hearthd.core.realtime.usage import Usage
from tests.core.money.ledgers import TODAY, booking, standing

DAY = timedelta(days=1)
LEDGER = [
    booking(TODAY - 40 * DAY, to_pusd(9.0)),
    booking(TODAY - 3 * DAY, to_pusd(0.20), turn=1, latency_ms=700, usage=Usage(text_in=900, cached_text_in=600)),
    booking(TODAY - DAY, to_pusd(0.30), turn=2, latency_ms=900, usage=Usage(text_in=300), estimated=True),
    booking(TODAY, to_pusd(0.04), turn=3, model="gpt-realtime-2.1", latency_ms=1_100),
    booking(TODAY, to_pusd(0.01), turn=3, latency_ms=None),
]


@pytest.fixture(autouse=True)
def _here_and_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon of the 22nd, and the machine has neither a service nor a configuration."""
    monkeypatch.setattr(SystemClock, "now", staticmethod(lambda: Moment(0, TODAY, 0.5)))
    monkeypatch.setattr(usage, "SERVICE_FOLDER", tmp_path / "service")
    for module in (shared, usage):
        monkeypatch.setattr(module, "DEFAULT_CONFIG", tmp_path / "none.toml")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Callable[..., LedgerFile]]:
    """Keeps bookings in the daemon's own ledger, which stays open."""
    opened = []

    def write(bookings: list[Booking], folder: str = "state") -> LedgerFile:
        file = LedgerFile(tmp_path / folder / FILE_NAME)
        opened.append(file)
        file.open()
        assert not bookings or file.write([(each, standing(1)) for each in bookings])
        return file

    yield write
    for file in opened:
        file.close()


@pytest.fixture
def limited(tmp_path: Path) -> str:
    """A configuration with limits."""
    path = tmp_path / "hearthd.toml"
    path.write_text("[budget]\nday_usd = 0.1\nmonth_usd = 20\n")
    return str(path)


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the command with the limits' configuration or none; it must succeed, and say nothing on stderr."""
    assert main(["usage", *arguments]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    return told.out


# ------------------------------------------------------------------------------------------------- for people


def test_today_the_month_and_what_is_to_come(
    keep: Callable[..., LedgerFile], limited: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Against the limits, while the daemon has the ledger open; the month before counts for nothing here."""
    keep(LEDGER)
    told = asked(capsys, "--config", limited)
    assert told.startswith(f"{tmp_path}/state/{FILE_NAME}\n")
    for line in (
        "today        $0.05 of $0.10 (50%), 1 turn",
        "this month   $0.55 of $20.00 (3%), 3 turns",
        "forecast     $0.85 of $20.00 (4%) for the whole month",
        "cached       50% of what the server read",
        "first sound  after 0.9 s, p95 1.1 s",
        "For 1 response the server told no usage: this is an estimate.",
    ):
        assert line in told


def test_each_day_has_a_line_from_the_first_one_on(
    keep: Callable[..., LedgerFile], capsys: pytest.CaptureFixture[str]
) -> None:
    """Silent days in between are shown, those before the first booking are not; no table is wider than a terminal."""
    keep(LEDGER)
    told = asked(capsys, "--days", "7")
    rows = [line.split() for line in told.splitlines() if " Nov " in line]
    assert rows == [
        ["Thu", "19", "Nov", "1", "1", "0.200", "0.200", "67%", "0.7", "0.7"],
        ["Fri", "20", "Nov"],
        ["Sat", "21", "Nov", "1", "1", "0.300", "0.300", "0%", "0.9", "0.9"],
        ["Sun", "22", "Nov", "1", "2", "0.050", "0.050", "0%", "1.1", "1.1"],
    ]
    assert max(len(line) for line in told.splitlines() if " Nov " in line) <= 80
    models = [line.split() for line in told.splitlines() if line.strip().startswith("gpt-")]
    assert models == [["gpt-realtime-2.1-mini", "3", "$0.51", "93%"], ["gpt-realtime-2.1", "1", "$0.04", "7%"]]


def test_the_services_ledger_is_found(
    keep: Callable[..., LedgerFile], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Where the user has none of their own."""
    keep(LEDGER, "service")
    assert asked(capsys).startswith(f"{tmp_path}/service/{FILE_NAME}\n")


def test_an_empty_ledger_is_a_ledger(keep: Callable[..., LedgerFile], capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was spent, and that is told."""
    keep([])
    told = asked(capsys)
    assert "today        $0.00, 0 turns" in told
    assert "first sound  after" not in told
    assert told.endswith("Nobody has asked anything in these days.\n")


def test_turns_answered_offline_are_counted_and_free(
    keep: Callable[..., LedgerFile], capsys: pytest.CaptureFixture[str]
) -> None:
    """Among all turns, and named; the model of the server on this machine is its own."""
    offline = [replace(booking(pusd=0, turn=turn, usage=Usage()), server="offline", model="offline") for turn in (4, 5)]
    keep([*LEDGER, *offline])
    told = asked(capsys)
    assert "today        $0.05, 3 turns, 2 of them offline" in told
    rows = [line.split() for line in told.splitlines() if line.startswith("  offline")]
    assert rows == [["offline", "2", "$0.00", "0%"]]


def test_transcripts_have_a_column_where_there_are_any(
    keep: Callable[..., LedgerFile], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody else is bothered with them."""
    plain = booking(pusd=to_pusd(0.05))
    keep([replace(plain, bill=replace(plain.bill, cost=Cost(audio_out=1, transcription=to_pusd(0.012))))])
    told = asked(capsys)
    assert "transcripts" in told
    assert [line.split()[-2:] for line in told.splitlines() if " Nov " in line] == [["0.012", "0%"]]


# ------------------------------------------------------------------------------------------------- for programs


def test_programs_get_numbers(
    keep: Callable[..., LedgerFile], limited: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """US dollars, tokens and milliseconds, with every day that was asked for."""
    keep(LEDGER)
    told = json.loads(asked(capsys, "--json", "--days", "5", "--config", limited))
    assert told["limits"] == {"day_usd": 0.1, "month_usd": 20.0}
    assert [(day["day"], day["usd"], day["responses"]) for day in told["days"]] == [
        ("2026-11-18", 0.0, 0),
        ("2026-11-19", 0.2, 1),
        ("2026-11-20", 0.0, 0),
        ("2026-11-21", 0.3, 1),
        ("2026-11-22", 0.05, 2),
    ]
    assert told["days"][1] == {
        "day": "2026-11-19",
        "usd": 0.2,
        "turns": 1,
        "offline_turns": 0,
        "responses": 1,
        "estimated": 0,
        "input_tokens": 900,
        "cached_tokens": 600,
        "cached_share": 0.6667,
        "output_tokens": 0,
        "latency_ms": {"p50": 700, "p95": 700},
        "kinds_usd": {
            "audio_out": 0.2,
            "audio_in": 0.0,
            "text_out": 0.0,
            "text_in": 0.0,
            "image_in": 0.0,
            "cached_in": 0.0,
            "transcription": 0.0,
        },
    }
    assert (told["today"]["usd"], told["month"]["usd"], round(told["forecast_month_usd"], 2)) == (0.05, 0.55, 0.85)
    assert [model["model"] for model in told["models"]] == ["gpt-realtime-2.1-mini", "gpt-realtime-2.1"]
    assert told["ledger"] == f"{tmp_path}/state/{FILE_NAME}"


# ------------------------------------------------------------------------------------------------- as a picture


@pytest.mark.parametrize(("name", "magic"), [("usage.png", b"\x89PNG"), ("usage.SVG", b"<?xml")])
@pytest.mark.parametrize("bookings", [LEDGER, []], ids=["some", "none"])
def test_a_picture_is_drawn(
    keep: Callable[..., LedgerFile],
    limited: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    magic: bytes,
    bookings: list[Booking],
) -> None:
    """As its name says, also of nothing; the figures are told as well."""
    keep(bookings)
    told = asked(capsys, "--plot", str(tmp_path / name), "--config", limited)
    assert (tmp_path / name).read_bytes().startswith(magic)
    assert "forecast" in told


def test_without_matplotlib_it_says_what_to_do(
    keep: Callable[..., LedgerFile],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The figures are told all the same."""
    keep(LEDGER)
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    monkeypatch.delitem(sys.modules, "hearthd.cli.usage_chart", raising=False)
    assert main(["usage", "--plot", str(tmp_path / "usage.png")]) == 1
    told = capsys.readouterr()
    assert "a picture needs matplotlib" in told.err
    assert "forecast" in told.out


def test_a_picture_that_cannot_be_written_is_told(
    keep: Callable[..., LedgerFile], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With the system's own words."""
    keep(LEDGER)
    assert main(["usage", "--plot", str(tmp_path / "nowhere/usage.png")]) == 1
    assert "the picture cannot be written" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------- what is wrong


def test_no_ledger_yet_is_told_with_where_it_would_be(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Both places."""
    assert main(["usage"]) == 1
    told = capsys.readouterr().err
    assert "there is no ledger yet" in told
    assert f"  {tmp_path}/state/{FILE_NAME}\n  {tmp_path}/service/{FILE_NAME}\n" in told


def test_a_ledger_that_is_not_ones_own_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that may read it."""

    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("hearthd.adapters.store_reader.read_bookings", forbidden)
    assert main(["usage"]) == 1
    assert "is not yours to read: sudo hearthd usage" in capsys.readouterr().err


def test_a_damaged_ledger_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """And a folder in its place."""
    (tmp_path / "x").write_bytes(b"rubbish" * 1_000)
    assert main(["usage", "--ledger", str(tmp_path / "x")]) == 1
    assert main(["usage", "--ledger", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "the ledger cannot be read" in told
    assert "file is not a database" in told
    assert "Is a directory" in told


def test_a_wrong_configuration_is_78(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """As everywhere."""
    assert main(["usage", "--config", str(tmp_path / "absent.toml")]) == 78
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--days", "0"], ["--days", "401"], ["--days", "x"], ["--plot", "usage.pdf"]])
def test_wrong_arguments_are_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With what was expected."""
    with pytest.raises(SystemExit) as refused:
        main(["usage", *arguments])
    assert refused.value.code == 2
    assert "expected a" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"STATE_DIRECTORY": "/var/lib/hearthd:/var/lib/other", "XDG_STATE_HOME": "/x"}, "/var/lib/hearthd"),
        ({"XDG_STATE_HOME": "/x", "HOME": "/home/me"}, "/x/hearthd"),
        ({"XDG_STATE_HOME": "not/absolute", "HOME": "/home/me"}, "/home/me/.local/state/hearthd"),
        ({"HOME": "/home/me"}, "/home/me/.local/state/hearthd"),
    ],
)
def test_the_state_lies_where_systemd_or_xdg_says(environment: dict[str, str], folder: str) -> None:
    """A relative path in XDG_STATE_HOME is none (XDG Base Directory Specification)."""
    assert str(state_folder(environment)) == folder


def test_the_first_day_of_the_year_is_no_trouble(
    keep: Callable[..., LedgerFile], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days of two years in one table."""
    first = date(2027, 1, 1)
    monkeypatch.setattr(SystemClock, "now", staticmethod(lambda: Moment(0, first, 0.25)))
    keep([booking(first - DAY, to_pusd(1.0)), booking(first, to_pusd(0.25))])
    told = asked(capsys, "--days", "2")
    assert "today        $0.25" in told
    assert "this month   $0.25" in told
    assert "Thu 31 Dec" in told
