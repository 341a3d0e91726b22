"""The root of hearthd's error tree, and the errors that pure code raises."""


class HearthdError(Exception):
    """Anything hearthd raises on purpose; the facts are attributes and the text is built from them."""


class CallRefused(HearthdError):
    """A function call of the model that must not be, or could not be, carried out."""

    def __init__(self, code: str, explanation: str) -> None:
        """Refuse with a machine-readable `code` and a plain `explanation` that the model may read out."""
        super().__init__(f"{code}: {explanation}")
        self.code = code
        self.explanation = explanation
