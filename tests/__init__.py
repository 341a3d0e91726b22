"""Tests, one folder a floor of the house."""
