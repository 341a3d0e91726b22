"""Tests of the embedded server: its parts one by one, and the whole of it."""
