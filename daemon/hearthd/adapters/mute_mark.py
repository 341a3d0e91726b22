"""Mute, kept over a restart as an empty file in the state folder."""

import asyncio
import logging
import os
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

FILE_NAME: Final = "muted"
KEEP_S: Final = 2.0
"""A disk that answers later than this is not waited for."""


class MuteMark:
    """The `MuteMemory` port: the file is there while the microphone is muted."""

    def __init__(self, folder: Path) -> None:
        """Keep it in `folder`, which is made when it is first needed."""
        self._file = folder / FILE_NAME

    def muted(self) -> bool:
        """Look; what cannot be looked at is no mark."""
        return os.path.exists(self._file)  # noqa: PTH110 - Path.exists raises where it may not look

    async def keep(self, *, muted: bool) -> None:
        """Set or remove the mark, in a thread of its own, because a disk may hang."""
        try:
            async with asyncio.timeout(KEEP_S):
                await asyncio.to_thread(self._set if muted else self._remove)
        except TimeoutError:
            self._warn(f"the disk did not answer within {KEEP_S:g} s")
        except OSError as error:
            self._warn(f"{error.filename}: {error.strerror}")

    def _set(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file.touch()
        self._settle()

    def _remove(self) -> None:
        self._file.unlink(missing_ok=True)
        self._settle()

    def _settle(self) -> None:
        """Have the disk hold it, should the power fail."""
        folder = os.open(self._file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @staticmethod
    def _warn(problem: str) -> None:
        log.warning(
            "mute will not be remembered over a restart: %s",
            problem,
            extra={"HEARTHD_EVENT": "mute_forgotten", "HEARTHD_PROBLEM": problem},
        )
