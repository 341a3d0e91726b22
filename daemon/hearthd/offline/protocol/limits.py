"""What one client, and all of them together, may take: every bound of the embedded server in one place."""

from typing import Final

MOST_SESSIONS: Final = 4
"""hearthd keeps one and opens the next before it closes that; the other two are for people who try it out."""
SESSION_S: Final = 3_600
"""As long as a session of the service that the protocol comes from."""
HANDSHAKE_S: Final = 10.0
"""For the opening request of a connection, from its first byte to its last."""
RETRY_AFTER_S: Final = 5
"""What a client that was turned away is told to wait."""

MESSAGE_BYTES: Final = 4 * 2**20
"""Of one text. In base64 it holds 65 s of sound, more than is kept of an utterance."""
UTTERANCE_S: Final = 60
"""What is kept of one utterance: 2.9 MB, and four times what hearthd itself lets anybody say."""
COMMIT_LEAST_MS: Final = 100
SLICE_MS: Final = 200
"""Sound that is taken in one go: 6 ms of work on a 2 GHz core, after which other sessions have their turn."""

ITEMS: Final = 512
"""Of one conversation; the oldest are forgotten, as a model forgets what no longer fits its context."""
ITEM_AUDIO_BYTES: Final = 8 * 2**20
"""Sound that a conversation keeps for `conversation.item.retrieve`, about three minutes; the oldest goes first."""
TEXT_CHARACTERS: Final = 256_000
ID_CHARACTERS: Final = 32
METADATA_PAIRS: Final = 16
METADATA_KEY_CHARACTERS: Final = 64
METADATA_VALUE_CHARACTERS: Final = 512
MOST_OUT_OF_BAND: Final = 4
"""Responses beside the conversation that may be under way at once."""
MOST_OUTPUT_TOKENS: Final = 4_096
"""What `inf` comes to."""
AUDIO_TOKEN_MS: Final = 50
"""Speech of the server that counts as one token: 4096 of them are 205 s."""
TEXT_TOKEN_CHARACTERS: Final = 4

UNSENT_BYTES: Final = 2**20
"""While more than this waits for a client to read it, nothing more is read from that client."""
SEND_S: Final = 10.0
"""A client that takes nothing for so long has gone."""
SPEECH_AHEAD: Final = 8
"""Pieces of speech, of 200 ms at most, that may be on their way from the voice to the socket."""
