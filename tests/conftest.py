"""What every test relies on: fixed random examples, and no silent skip where it counts."""

import os
import signal
from collections.abc import Generator

import hypothesis
import pytest

pytest_plugins = ["tests.beside"]

# Shells have what they start in the background ignore Ctrl-C, and all that the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A deadline per example would be a timed assertion, and a loaded machine would fail it.
hypothesis.settings.register_profile("fixed", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where `CI` is set: what is not tested there is tested nowhere."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as a failure where CI is set: {report.longrepr}"
    return report
