"""Application inspection at work: which class of a policy a message falls under, see `config.applications`."""

from collections.abc import Callable, Mapping

from doorman.algs.fields import Fields
from doorman.config.applications import Criterion, MessageClass, MessageRule
from doorman.config.zones import Firewall
from doorman.wire.regex import Pattern

Covers = Callable[[Fields], bool]


class MessagePolicies:
    """The policies of a configuration for messages of applications."""

    __slots__ = ("_rules",)

    def __init__(self, firewall: Firewall) -> None:
        patterns = {name: [Pattern(text) for text in one.patterns] for name, one in firewall.regexes.items()}
        self._rules: dict[tuple[str, str], list[tuple[Covers, MessageRule]]] = {
            (policy.protocol, policy.name): [
                (_class(firewall.message_classes.get((policy.protocol, rule.class_map)), patterns), rule)
                for rule in policy.rules
            ]
            for policy in firewall.message_policies.values()
        }

    def rule(self, policy: tuple[str, str], fields: Fields) -> MessageRule | None:
        """The rule of a policy, by its protocol and name, that a message falls under; None where none covers it."""
        return next((rule for covers, rule in self._rules.get(policy, ()) if covers(fields)), None)


def _class(wanted: MessageClass | None, patterns: Mapping[str, list[Pattern]]) -> Covers:
    tests = [_criterion(one, patterns) for one in wanted.criteria] if wanted is not None else []
    if wanted is None or not tests:
        return lambda _: False
    if wanted.any_of:
        return lambda fields: any(test(fields) for test in tests)
    return lambda fields: all(test(fields) for test in tests)


def _criterion(wanted: Criterion, patterns: Mapping[str, list[Pattern]]) -> Covers:
    test = _test(wanted, patterns)

    def covers(fields: Fields) -> bool:
        """A criterion of requests says nothing of responses, whether it is negated or not."""
        if wanted.whose not in {"req-resp", fields.kind}:
            return False
        return test(fields.values(wanted.field)) != wanted.negated

    return covers


def _test(wanted: Criterion, patterns: Mapping[str, list[Pattern]]) -> Callable[[list[bytes]], bool]:
    operand = wanted.operand
    words = frozenset(str(operand).lower().encode().split())
    number = operand if isinstance(operand, int) else 0
    match wanted.test:
        case "is":
            return lambda values: any(value.lower() in words for value in values)
        case "there":
            return bool
        case "length gt":
            return lambda values: any(len(value) > number for value in values)
        case "count gt":
            return lambda values: len(values) > number
        case "gt":
            return lambda values: any(_number(value) > number for value in values)
        case "regex":
            wanted_patterns = patterns.get(str(operand), [])
            return lambda values: any(pattern.search(value) for value in values for pattern in wanted_patterns)


def _number(value: bytes) -> int:
    """What a value says as a number, -1 for nothing; a longer one is more than any limit."""
    digits = value.strip()
    if not digits.isdigit():
        return -1
    return int(digits) if len(digits) <= 10 else 10**10  # noqa: PLR2004 - digits; more than any limit has
