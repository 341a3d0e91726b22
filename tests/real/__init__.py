"""Tests against the real libasound, mosquitto and systemd."""
