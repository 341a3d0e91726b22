"""What can be said to the pretended house: a sentence of each kind, not all that is understood."""

from typing import Final

SENTENCES: Final = (
    "turn on the kitchen light",
    "turn off all lights in the bedroom",
    "dim the reading lamp",
    "set the floor lamp to fifty percent",
    "make the floor lamp warm white",
    "turn the floor lamp blue",
    "turn on the coffee machine and the bedroom light",
    "close the blinds",
    "set the blinds to thirty percent",
    "set the heating to twenty one degrees",
    "is the front door open",
    "is the coffee machine on",
    "what time is it",
    "what can you do",
)
