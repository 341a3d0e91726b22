"""What is remembered of mute, in memory."""


class MemoryMute:
    """The `MuteMemory` port."""

    def __init__(self) -> None:
        self.kept: list[bool] = []
        """All that was to be remembered, the newest last."""

    def muted(self) -> bool:
        """Return what was kept last."""
        return bool(self.kept) and self.kept[-1]

    async def keep(self, *, muted: bool) -> None:
        """Remember it."""
        self.kept.append(muted)
