"""Tests of the whole process: speech in, speech and MQTT out."""
