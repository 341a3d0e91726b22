"""How many tokens a text or a sound will count as, where no server has counted them yet.

No tokenizer runs here: it would cost megabytes to know what every response then tells. Estimates err upwards, because
budgets rest on them.
"""

import math
import re

_CHARACTERS_PER_TOKEN = 3.6
"""English and JSON of short keys take 4 and more characters a token with the vocabularies of 100,000 words and up."""
_TOKENS_PER_WORD = 1.3
_WORD = re.compile(r"[^\W_]+")

AUDIO_IN_MS_PER_TOKEN = 100
"""Of what the user says: the server's documentation, measured as 58 tokens for 5.85 s."""
AUDIO_OUT_MS_PER_TOKEN = 50
"""Of what the model says: the server's documentation, measured as 146 tokens for 7.30 s."""
TEXT_OUT_TOKENS_PER_S = 4
"""Of the text that comes with each second of the model's speech: 2.5 words, rounded up."""


def estimated_text_tokens(text: str) -> int:
    """Return how many tokens `text` has at most, in all likelihood.

    The larger of characters / 3.6 and words * 1.3; what is not ASCII counts as a token a character, as it nearly is
    in the scripts that vocabularies know least.
    """
    foreign = sum(1 for character in text if not character.isascii())
    by_length = (len(text) - foreign) / _CHARACTERS_PER_TOKEN + foreign
    return math.ceil(max(by_length, _TOKENS_PER_WORD * len(_WORD.findall(text))))
