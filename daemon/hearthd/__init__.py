"""hearthd: a smart speaker that talks with a speech-to-speech model and runs the house."""

__version__ = "0.1.0"
