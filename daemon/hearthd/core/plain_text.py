"""Text of others, made fit for logs, statuses and messages."""


def one_line(text: str) -> str:
    """Return `text` as one line that can be printed and encoded, with single spaces.

    Line breaks, NUL, other control characters and lone surrogates become space.
    """
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def shortened(text: str, characters: int) -> str:
    """Return at most so many `characters` of `text`; the last of them is an ellipsis where something is missing."""
    return text if len(text) <= characters else text[: characters - 1] + "…"
