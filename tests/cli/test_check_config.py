"""Contract of `hearthd check-config`."""

from pathlib import Path

import pytest

from hearthd.__main__ import main

RIGHT = """
[room]
name = "Living Room"
area = "living room"
[wake]
words = ["okay_nabu", "alexa"]
[mqtt]
host = "broker.local"
port = 8883
tls = true
username = "hearth"
[devices.lamp]
type = "light"
name = "the [bold]lamp"
area = "living room"
command_topic = "lamp/set"
[devices.door]
type = "scene"
command_topic = "door/set"
[policy]
confirm = ["door"]
[budget]
day_usd = 1
"""


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have secrets; they do not count here."""
    for variable in ("OPENAI_API_KEY", "HEARTHD_MQTT_PASSWORD", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(variable, raising=False)


def written(folder: Path, text: str) -> Path:
    """Write a configuration."""
    file = folder / "hearthd.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_what_is_right_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner sees what the settings come to: topics, cards, server, devices, and what is not done yet."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hush")
    monkeypatch.setenv("HEARTHD_MQTT_PASSWORD", "hush")
    file = written(tmp_path, RIGHT)
    assert main(["check-config", str(file)]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{file} is right.\n")
    for line in (
        "room         Living Room",
        "woken by     okay_nabu, alexa, MQTT listen",
        "microphone   default at 48000 Hz",
        "server       wss://api.openai.com/v1/realtime, model gpt-realtime-2.1-mini, voice marin",
        "API key      given",
        "broker       broker.local:8883 with TLS as hearth, password given",
        "topics       hearthd/living_room/...",
        "devices      2; telling the model of them takes at most ",
        "offline      voice slt, started when needed (hearthd-offline.socket, else by hearthd itself)",
        "budget       $1 a day, then offline",
    ):
        assert line in told
    assert "hush" not in told
    assert "the [bold]lamp" in told
    assert [line.split()[0] for line in told.splitlines() if line.rstrip().endswith("yes")] == ["door"]


def test_what_the_server_cannot_do_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anybody wonders why it is done otherwise."""
    assert main(["check-config", str(written(tmp_path, "[realtime]\ndialect = 'xai'"))]) == 0
    assert 'Warning: This server cannot do realtime.turn_detection = "none"' in capsys.readouterr().out


def test_without_a_broker_and_words_this_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is switched off is named as such."""
    assert main(["check-config", str(written(tmp_path, "[mqtt]\nhost = ''\n[wake]\nwords = []"))]) == 0
    told = capsys.readouterr().out
    for line in ("woken by     nothing", "API key      not given here", "broker       none; nothing can be switched"):
        assert line in told


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("enabled = false", "offline      switched off; without the server nothing is answered"),
        ("socket = '/run/other.sock'", "offline      answered by the server at /run/other.sock"),
    ],
)
def test_who_answers_without_the_cloud_is_said(
    setting: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If anybody does."""
    assert main(["check-config", str(written(tmp_path, f"[offline]\n{setting}"))]) == 0
    assert line in capsys.readouterr().out


def test_what_is_wrong_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every mistake on a line of its own on stderr, and exit code 78."""
    file = written(tmp_path, "[gate]\nvad_level = 9\n[mqqt]\n")
    assert main(["check-config", str(file)]) == 78
    assert capsys.readouterr() == (
        "",
        (
            "hearthd: the configuration cannot be used:\n"
            f"  {file}:2: gate.vad_level: expected a whole number from 0 to 3, found the number 9\n"
            f"  {file}:3: mqqt: there is no section [mqqt]; did you mean mqtt?\n"
        ),
    )


def test_a_missing_file_is_told_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The path stands in the message, and where to begin."""
    assert main(["check-config", str(tmp_path / "absent.toml")]) == 78
    told = capsys.readouterr().err
    assert f"{tmp_path}/absent.toml: cannot be read: No such file or directory" in told
    assert "begin with the shipped one" in told


def test_a_file_name_that_no_disk_takes_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Asking whether such a file exists is an error of its own."""
    assert main(["check-config", str(tmp_path / f"{'a' * 300}.toml")]) == 78
    told = capsys.readouterr().err
    assert told.endswith("aaa.toml: cannot be read: File name too long\n")


def test_a_wake_word_model_is_loaded_for_real(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that only looks right is found before the daemon is started with it."""
    (tmp_path / "own.json").write_text(
        '{"model": "own.tflite", "wake_word": "x", "micro": {"probability_cutoff": 0.9, "sliding_window_size": 5}}'
    )
    (tmp_path / "own.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(100))
    file = written(tmp_path, '[wake]\nwords = ["own.json"]')
    assert main(["check-config", str(file)]) == 78
    assert f'{file}: wake.words: wake word "{tmp_path}/own.json": its model is damaged' in capsys.readouterr().err
