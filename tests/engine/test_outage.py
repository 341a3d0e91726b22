"""An outage is told once when it begins and once when it ends."""

import logging

import pytest

from hearthd.engine.outage import Outage


def test_an_outage_is_two_lines_in_the_journal(caplog: pytest.LogCaptureFixture) -> None:
    """A warning with the words for people and for machines, quiet repeats, one line at its end; and so each time."""
    outage = Outage(logging.getLogger("hearthd.test"), "the cable", "cable_down", "cable_up")
    outage.ends()
    with caplog.at_level(logging.DEBUG, "hearthd.test"):
        for _ in range(2):
            outage.begins("no carrier", "e17")
            outage.begins("still none")
            assert outage.lasts
            outage.ends()
            outage.ends()
            assert not outage.lasts

    told = [(record.levelname, record.__dict__["HEARTHD_EVENT"]) for record in caplog.records]
    assert told == [("WARNING", "cable_down"), ("DEBUG", "cable_down"), ("INFO", "cable_up")] * 2
    first = caplog.records[0]
    assert (first.__dict__["HEARTHD_PROBLEM"], first.__dict__["HEARTHD_CODE"]) == ("no carrier", "e17")
    assert "the cable is not available" in first.getMessage()
    assert not hasattr(caplog.records[1], "HEARTHD_CODE")
