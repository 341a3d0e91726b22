"""Tests of the house: what devices are, what may be asked of them, and what they answer."""
