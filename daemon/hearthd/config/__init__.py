"""The configuration file and the credentials, read, checked and typed; all mistakes named at once."""

from hearthd.config.errors import ConfigError, Mistake
from hearthd.config.loading import load
from hearthd.config.settings import Settings

__all__ = ["ConfigError", "Mistake", "Settings", "load"]
