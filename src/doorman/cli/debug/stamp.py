"""The time in front of a debug line."""

from datetime import UTC, datetime


def stamp(time_ns: int) -> str:
    """A time, in nanoseconds since 1970, as IOS writes it: `Nov 20 15:04:05.678 UTC`."""
    at = datetime.fromtimestamp(time_ns / 1e9, UTC)
    return f"{at:%b} {at.day:2} {at:%H:%M:%S}.{at.microsecond // 1000:03d} UTC"
