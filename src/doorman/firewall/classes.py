"""Classes of traffic at work: which of them a packet falls under, see `config.zones`."""

from collections.abc import Callable

from doorman.config.access_lists import AccessList, ServiceMatch, Traffic
from doorman.config.model import Config
from doorman.config.zones import CLASS_DEFAULT, Match, MatchClass, MatchList, MatchProtocol

Test = Callable[[Traffic], bool]


class Classes:
    """The class maps of a configuration."""

    __slots__ = ("_config", "_lists", "_tests")

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lists = config.lists
        self._tests: dict[str, Test] = {CLASS_DEFAULT: _anything}

    def test(self, name: str) -> Test:
        """What says whether a packet is of a class; one that does not exist covers nothing."""
        known = self._tests.get(name)
        if known is None:
            known = self._tests[name] = self._make(name)
        return known

    def _make(self, name: str) -> Test:
        class_map = self._config.firewall.class_maps.get(name)
        tests = [self._match(match) for match in class_map.matches] if class_map is not None else []
        if class_map is None or not tests:
            return _nothing
        return _any_of(tests) if class_map.any_of else _all_of(tests)

    def _match(self, match: Match) -> Test:
        match match:
            case MatchProtocol():
                services = self._config.application(match.protocol)
                return _any_of([self._at_servers(listed, carried) for listed, carried in services.items()])
            case MatchList():
                return _permitted(self._list(match.access_list))
            case MatchClass():
                return self.test(match.class_map)

    def _at_servers(self, listed: str | None, services: tuple[ServiceMatch, ...]) -> Test:
        carries = _any_of([service.covers for service in services])
        return carries if listed is None else _all_of([carries, _serves(self._list(listed))])

    def _list(self, name: str) -> AccessList:
        return self._lists.get(name, AccessList(name))


def _anything(traffic: Traffic) -> bool:  # noqa: ARG001 - whatever it is
    return True


def _nothing(traffic: Traffic) -> bool:  # noqa: ARG001 - whatever it is
    return False


def _any_of(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda traffic: any(test(traffic) for test in tests)


def _all_of(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda traffic: all(test(traffic) for test in tests)


def _permitted(listed: AccessList) -> Test:
    def test(traffic: Traffic) -> bool:
        index = listed.match(traffic)
        return index is not None and listed.entries[index].permit

    return test


def _serves(listed: AccessList) -> Test:
    """Whether the server is one that a list permits, where it stands as a source."""
    permitted = _permitted(listed)
    return lambda traffic: permitted(Traffic(0, traffic.destination, traffic.destination))
