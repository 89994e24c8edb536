"""How inside hosts write themselves: what a translation back cannot tell from an address alone."""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from doorman.algs.api import Touched
from doorman.net.addresses import Address, Endpoint

Form = Literal["bare", "public"]
BARE: Final = "bare"
"""Without its port, which is the default one."""
PUBLIC: Final = "public"
"""By the name it has outside, which it learned by STUN or was told."""
_SPELLING_LIMIT: Final = 65_536
_OF_HOST: Final = 64
"""Spellings of one host: it must not take those of others."""


class Written(NamedTuple):
    """How an inside endpoint was written last; `via`: in a Via header, where responses find it."""

    form: Form
    endpoint: Endpoint
    via: bool


class Spelling:
    """What a translation cannot tell from an address alone: how an inside host wrote itself.

    `10.0.0.1` and `10.0.0.1:5060` are one endpoint. Where its name outside has another port, both become
    `203.0.113.1:20480`; on the way back the host must find what it wrote. A host that knows this name writes that, and
    then it must find it as well.

    Args:
        touched: told of each change; None: nothing more is remembered.
        written: how hosts wrote themselves until now.
    """

    __slots__ = ("_counts", "_touched", "_written", "any_public")

    def __init__(self, touched: Touched | None, written: set[Written] | None = None) -> None:
        self._written = set() if written is None else written
        self._counts: dict[Address, int] = {}
        self._touched = touched
        self.any_public = False

    def __iter__(self) -> Iterator[Written]:
        return iter(self._written)

    def __contains__(self, written: object) -> bool:
        return written in self._written

    def fixed(self) -> "Spelling":
        """The same as it is now, which remembers nothing more."""
        same = Spelling(None, self._written)
        same.any_public = self.any_public
        return same

    def remember(self, endpoint: Endpoint, form: Form, *, via: bool, so: bool) -> None:
        """Note whether an endpoint was last written in this form."""
        if self._touched is None or so == ((form, endpoint, via) in self._written):
            return
        written = Written(form, endpoint, via)
        counts, host = self._counts, endpoint.address
        if not so:
            self._written.discard(written)
            counts[host] -= 1
            if not counts[host]:
                del counts[host]
        elif len(self._written) < _SPELLING_LIMIT and counts.get(host, 0) < _OF_HOST:
            self._written.add(written)
            counts[host] = counts.get(host, 0) + 1
            self.any_public = self.any_public or form == PUBLIC
        self._touched.add(written)

    def was(self, endpoint: Endpoint, form: Form, *, via: bool) -> bool:
        """Whether it was."""
        return (form, endpoint, via) in self._written
