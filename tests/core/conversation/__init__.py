"""The conversation's machine."""
