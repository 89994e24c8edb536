"""How many dynamic translations there may be: of all hosts, of each, of one, and of those that an access list permits.

What is counted are names that were given out, a port of a shared address or the address of a host, however many flows
each of them has.
"""

from collections import Counter

from doorman.algs.api import Refused
from doorman.config.access_lists import AccessList
from doorman.config.model import MaxEntries
from doorman.net.addresses import Address


class EntryLimits:
    """Counts the names that inside hosts have, if any number is too many, and refuses what would be.

    Args:
        limits: of the configuration.
        lists: its access lists; a limit for one that does not exist has no effect.
    """

    def __init__(self, limits: MaxEntries, lists: dict[str, AccessList]) -> None:
        self._all = limits.all
        self._all_host = limits.all_host
        self._hosts = dict(limits.hosts)
        self._lists = [(lists[name], most) for name, most in limits.lists if name in lists]
        self._limited = limits != MaxEntries()
        self._total = 0
        self._of_host: Counter[Address] = Counter()
        self._of_list: Counter[str] = Counter()

    def admit(self, host: Address, count: int) -> None:
        """See that a host may have so many more.

        Raises:
            Refused: it would be too many of all, of one host, or of those that an access list permits.
        """
        if self._all is not None and self._total + count > self._all:
            raise Refused("max-entries")
        most = self._hosts.get(host, self._all_host)
        if most is not None and self._of_host[host] + count > most:
            raise Refused("max-entries-of-host")
        for listed, most_of_list in self._lists:
            if self._of_list[listed.name] + count > most_of_list and listed.permits(host):
                raise Refused("max-entries-of-list")

    def change(self, host: Address, by: int) -> None:
        """A host has so many more, or less, whether or not that is too many."""
        if not self._limited:
            return
        self._total += by
        count = self._of_host.get(host, 0) + by
        if count:
            self._of_host[host] = count
        else:
            self._of_host.pop(host, None)
        for listed, _ in self._lists:
            if listed.permits(host):
                self._of_list[listed.name] += by
