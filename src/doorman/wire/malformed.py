"""What a reader says of bytes that break their format."""


class Malformed(Exception):  # noqa: N818 - the outcome of reading
    """A message of a known protocol which breaks its rules; `reason` names how, for counters."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Excessive(Malformed):
    """A message with more of something than it may have: an attack perhaps, whatever its form."""
