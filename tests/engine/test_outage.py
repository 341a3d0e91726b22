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


def test_another_cause_is_news(caplog: pytest.LogCaptureFixture) -> None:
    """Once each in an outage: whoever reads only warnings learns what is wrong now, and is not flooded."""
    outage = Outage(logging.getLogger("hearthd.test"), "the server", "link_down", "link_up")
    with caplog.at_level(logging.DEBUG, "hearthd.test"):
        for code in ("", "dns", "", "dns", "http_401", "dns"):
            outage.begins("trouble", code)
        outage.ends()
        outage.begins("trouble", "dns")
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "WARNING", "DEBUG", "DEBUG", "WARNING", "DEBUG", "INFO", "WARNING"]
