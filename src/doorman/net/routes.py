"""Routes, as the core asks for them: a kernel that carries the flows has them, a capture has none."""

from collections.abc import Callable

from doorman.net.addresses import Address

UNKNOWN = ""
"""The name of the interface where nobody can tell."""

Route = Callable[[Address], str]
"""Says by which interface a packet to a host would leave; `UNKNOWN` where there is none."""
