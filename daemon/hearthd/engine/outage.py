"""How an outage is told in the journal: once when it begins, once for each new cause, once when it ends."""

import logging


class Outage:
    """The outages of one thing, one at a time."""

    def __init__(self, log: logging.Logger, what: str, begins: str, ends: str) -> None:
        """Tell of `what` in plain words under the event names `begins` and `ends`."""
        self._log = log
        self._what = what
        self._begins = begins
        self._ends = ends
        self._told: set[str] = set()
        """The codes of this outage that people were told of."""
        self.lasts = False

    def begins(self, problem: str, code: str = "") -> None:
        """Tell of `problem`: a warning the first time and for each new `code`, else a debug line while it lasts."""
        fields = {"HEARTHD_EVENT": self._begins, "HEARTHD_PROBLEM": problem}
        if code:
            fields["HEARTHD_CODE"] = code
        repeated = self.lasts and (not code or code in self._told)
        self._told.add(code)
        level = logging.DEBUG if repeated else logging.WARNING
        self._log.log(level, "%s is not available: %s", self._what, problem, extra=fields)
        self.lasts = True

    def ends(self) -> None:
        """Tell that all is well again, if it was not."""
        if self.lasts:
            self.lasts = False
            self._told.clear()
            self._log.info("%s is available again", self._what, extra={"HEARTHD_EVENT": self._ends})
