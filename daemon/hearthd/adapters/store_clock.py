"""The clock on the wall, read for those who account by days."""

from datetime import datetime, timedelta

from hearthd.core.money.account import Moment

_DAY = timedelta(days=1)


class SystemClock:
    """The `WallClock` port: the system's time in the system's time zone."""

    @staticmethod
    def now() -> Moment:
        """Read it."""
        return moment(datetime.now().astimezone())


def moment(now: datetime) -> Moment:
    """Return an aware local time as the account reads it; days on which clocks are changed count 24 hours."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return Moment(
        utc_ms=int(now.timestamp() * 1000), day=now.date(), day_share=(now.replace(tzinfo=None) - midnight) / _DAY
    )
