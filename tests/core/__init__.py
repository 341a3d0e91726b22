"""Tests of pure code: no event loop, whole folder in seconds."""
