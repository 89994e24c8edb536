"""Classes of traffic (`class-map type inspect`) as lines that nft asks, see `classify`.

match-any    all its matches, side by side: many classes of a policy become one look-up together
match-all    a chain for each match but the first, which the one before leads to: zbf_m_N
a list       its lines, if all permit; else a chain that returns where the list denies
"""

from collections.abc import Iterable

from doorman.config.access_lists import AccessList, ServiceMatch
from doorman.config.model import Config
from doorman.config.zones import Match, MatchClass, MatchList, MatchProtocol
from doorman.dataplanes.netfilter.chains.classify import Line, classified
from doorman.dataplanes.netfilter.chains.expressions import Chain
from doorman.dataplanes.netfilter.chains.matching import ANYTHING, matches_of, matches_of_servers, matches_of_services


class ClassChains:
    """The classes of a configuration.

    Attributes:
        chains: what lines made so far lead to.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lists = config.lists
        self.chains: list[Chain] = []

    def lines_of(self, name: str, then: str) -> list[Line]:
        """The lines that are true of what a class covers, and lead where `then` says; it does not return if so."""
        class_map = self._config.firewall.class_maps.get(name)
        if class_map is None or not class_map.matches:
            return []
        if class_map.any_of:
            return [line for match in class_map.matches for line in self._match(match, then)]
        first, *others = class_map.matches
        for match in reversed(others):
            then = self._chain(self._match(match, then))
        return self._match(first, then)

    def _match(self, match: Match, then: str) -> list[Line]:
        match match:
            case MatchProtocol():
                found = self._config.application(match.protocol).items()
                return [line for listed, services in found for line in self._application(listed, services, then)]
            case MatchList():
                return self._permitted(self._lists.get(match.access_list, AccessList(match.access_list)), then)
            case MatchClass():
                return self.lines_of(match.class_map, then)

    def _application(self, listed: str | None, services: tuple[ServiceMatch, ...], then: str) -> list[Line]:
        """What packets of an application carry, for all servers or those that a list permits."""
        if listed is not None:
            servers = self._lists.get(listed, AccessList(listed))
            lines = [Line(matches_of_servers(entry), then if entry.permit else "return") for entry in servers.entries]
            then = self._chain(lines)
        return [Line(matches_of_services(services), then)]

    def _permitted(self, listed: AccessList, then: str) -> list[Line]:
        if all(entry.permit for entry in listed.entries):
            return [Line(list(matches_of(entry)), then) for entry in listed.entries]
        lines = [Line(list(matches_of(entry)), then if entry.permit else "return") for entry in listed.entries]
        return [Line([ANYTHING], self._chain(lines))]

    def _chain(self, lines: Iterable[Line]) -> str:
        """A chain of lines, which comes back where none of them is true; what leads there."""
        name = f"zbf_m_{len(self.chains)}"
        self.chains.append(Chain(name, list(classified(lines))))
        return f"jump {name}"
