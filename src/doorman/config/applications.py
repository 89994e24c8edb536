"""Application inspection as values: classes of an application's messages, and policies for them.

What a criterion looks at is a field by name; which fields there are, the protocol knows (`algs.fields`). A policy is
asked about every message of a flow that a class of a zone pair's policy inspects; what no class covers goes on.
"""

from dataclasses import dataclass, replace
from typing import Literal

Whose = Literal["request", "response", "req-resp"]
Test = Literal["is", "there", "length gt", "count gt", "gt", "regex"]
Verb = Literal["allow", "reset"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """A `match` line about messages.

    Attributes:
        field: what it looks at, by the name that the protocol gives it.
        test: what about it: whether a value is one of these words, whether there is any, how long one is, how many
            there are, what number it is, or whether a pattern of a parameter map is found in it.
        operand: the words, parted by blanks; the number; the parameter map's name.
        whose: of which messages.
        negated: whether it is the other way round.
    """

    field: str
    test: Test
    operand: str | int = ""
    whose: Whose = "req-resp"
    negated: bool = False


@dataclass(frozen=True, slots=True)
class MessageClass:
    """`class-map type inspect PROTOCOL`: messages that one criterion covers (`any_of`), or all; without any, none."""

    name: str
    protocol: str
    criteria: tuple[Criterion, ...] = ()
    any_of: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class MessageRule:
    """What becomes of a class of messages: they go on, unless `reset` is said; `log` tells of them."""

    class_map: str
    verb: Verb | None = None
    log: bool = False


@dataclass(frozen=True, slots=True)
class MessagePolicy:
    """`policy-map type inspect PROTOCOL`: the first class that covers a message decides."""

    name: str
    protocol: str
    rules: tuple[MessageRule, ...] = ()
    description: str = ""

    def __contains__(self, class_map: object) -> bool:
        return any(one.class_map == class_map for one in self.rules)

    def __getitem__(self, class_map: str) -> MessageRule:
        return next(one for one in self.rules if one.class_map == class_map)

    def with_rule(self, changed: MessageRule) -> "MessagePolicy":
        """The policy with a rule in its place, or as the last one."""
        if changed.class_map not in self:
            return replace(self, rules=(*self.rules, changed))
        rules = tuple(changed if one.class_map == changed.class_map else one for one in self.rules)
        return replace(self, rules=rules)

    def without(self, class_map: str) -> "MessagePolicy":
        """The policy without a rule."""
        return replace(self, rules=tuple(one for one in self.rules if one.class_map != class_map))


@dataclass(frozen=True, slots=True)
class RegexMap:
    """`parameter-map type regex NAME`: patterns, one of which must be found; see `wire.regex_syntax`."""

    name: str
    patterns: tuple[str, ...] = ()
