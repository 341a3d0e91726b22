"""Tests of the engine on a virtual-time event loop and in-memory ports."""
