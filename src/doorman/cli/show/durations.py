"""Lengths of time as IOS writes them."""

_MINUTE, _HOUR, _DAY, _WEEK, _YEAR = 60, 3600, 86_400, 604_800, 31_536_000


def duration(seconds: float | None) -> str:
    """Seconds as `00:01:30`, from a day on as `1d02h`, from a week on as `1w2d`; None, which is never, as `-`."""
    if seconds is None:
        return "-"
    whole = max(0, int(seconds))
    if whole < _DAY:
        return f"{whole // _HOUR:02}:{whole % _HOUR // _MINUTE:02}:{whole % _MINUTE:02}"
    if whole < _WEEK:
        return f"{whole // _DAY}d{whole % _DAY // _HOUR:02}h"
    return f"{whole // _WEEK}w{whole % _WEEK // _DAY}d"


def uptime(seconds: float) -> str:
    """Seconds in words, such as `2 days, 3 hours, 1 minute`; the minutes are always said."""
    parts = []
    rest = max(0, int(seconds))
    for unit, size in (("year", _YEAR), ("week", _WEEK), ("day", _DAY), ("hour", _HOUR), ("minute", _MINUTE)):
        count, rest = divmod(rest, size)
        if count or unit == "minute":
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return ", ".join(parts)
