"""How many ordinary flows may go by shared addresses: `ip nat translation max-entries`, where the kernel names them.

    limits     -> limit_N  is the sender one of the N-th limited list's? -> count_N
    count_N    no more than so many flows

The engine counts the names that it gives out itself, see `nat.entries`; here each flow counts, since each has a port of
its own. The kernel forgets a flow that has ended when it counts next.
"""

from collections.abc import Iterator

from doorman.config.model import Config
from doorman.dataplanes.netfilter.chains.expressions import Chain, braces, match_address
from doorman.net.addresses import address_text


class LimitChains:
    """The chains of the limits of a configuration."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._limits = config.max_entries

    @property
    def sets(self) -> Iterator[str]:
        """The definition of the set that counts for each host; named after the limit, since that cannot be changed."""
        if self._limits.all_host is not None:
            yield f"set flows_of_{self._limits.all_host} {{ type ipv4_addr; flags dynamic; }}"

    @property
    def ask(self) -> str:
        """The rule that ends here for a flow which would be too many; empty where there are no limits."""
        limits = self._limits
        limited = limits.all is not None or limits.all_host is not None or limits.hosts or limits.lists
        return "jump limits" if limited else ""

    def chains(self) -> Iterator[Chain]:
        """All of them."""
        if not self.ask:
            return
        yield Chain("limits", list(self._rules()))
        lists = self._config.lists
        for index, (name, most) in enumerate(self._limits.lists):
            lines = lists[name].by_source or ()
            asked = [
                f"{match_address('saddr', line)}{f'goto count_{index}' if line.permit else 'return'}" for line in lines
            ]
            yield Chain(f"limit_{index}", asked)
            yield Chain(f"count_{index}", [f"ct count over {most} counter drop"])

    def _rules(self) -> Iterator[str]:
        limits = self._limits
        for host, most in limits.hosts:
            yield f"ip saddr {address_text(host)} ct count over {most} counter drop"
        if limits.all_host is not None:
            named = [address_text(host) for host, _ in limits.hosts]
            others = f"ip saddr != {braces(named)} " if named else ""
            yield f"{others}add @flows_of_{limits.all_host} {{ ip saddr ct count over {limits.all_host} }} counter drop"
        for index in range(len(limits.lists)):
            yield f"jump limit_{index}"
        if limits.all is not None:
            yield f"ct count over {limits.all} counter drop"
