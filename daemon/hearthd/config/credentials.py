"""Secrets: from the credentials that systemd hands over, else from the environment, never from arguments."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hearthd.config.errors import Mistake
from hearthd.core.settings import Secret


@dataclass(frozen=True, slots=True)
class _Place:
    credential: str
    """Name of the file in `$CREDENTIALS_DIRECTORY`."""
    variable: str
    """The environment variable that counts when there is no such file."""


OPENAI_API_KEY = _Place("openai_api_key", "OPENAI_API_KEY")
MQTT_PASSWORD = _Place("mqtt_password", "HEARTHD_MQTT_PASSWORD")


def read_secret(place: _Place, environment: Mapping[str, str]) -> tuple[Secret, list[Mistake]]:
    """Return the secret without the space around it, empty when there is none; mistakes never repeat it."""
    source, text = place.variable, environment.get(place.variable, "")
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if folder:
        file = Path(folder, place.credential)
        try:
            text = file.read_text(encoding="utf-8")
            source = str(file)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except (OSError, UnicodeDecodeError) as error:
            return Secret(""), [Mistake(str(file), None, place.credential, f"cannot be read: {_reason(error)}")]
    text = text.strip()
    if problem := _problem(place, text):
        return Secret(""), [Mistake(source, None, place.credential, problem)]
    return Secret(text), []


def _problem(place: _Place, text: str) -> str:
    if any(not character.isprintable() for character in text):
        return "expected one line, found a line break or another control character inside"
    if place is OPENAI_API_KEY and " " in text:
        return "expected a key without spaces, found a space inside"
    if place is OPENAI_API_KEY and not text.isascii():
        return "expected plain ASCII, found other characters; was it copied from formatted text?"
    return ""


def _reason(error: OSError | UnicodeDecodeError) -> str:
    # A decoding error repeats the bytes in its text, and these bytes are the secret.
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else "it is not UTF-8 text"
