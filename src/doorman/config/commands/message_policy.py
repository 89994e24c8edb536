"""`class-map type inspect sip`, `policy-map type inspect sip` and the like: which messages may pass."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from doorman.config.applications import Criterion, MessageClass, MessagePolicy, MessageRule, RegexMap, Verb
from doorman.config.command import Command, Refused
from doorman.config.commands.settings import described
from doorman.config.message_forms import FORMS, HEADER_FIELD, Form
from doorman.config.model import Config
from doorman.config.zones import Place
from doorman.wire.malformed import Malformed
from doorman.wire.regex import Pattern

_How = Literal["match-any", "match-all"]


def _enter_class(protocol: str, config: Config, *, name: str, how: _How | None = None) -> str:
    """Describe a class of messages: those that all its matches cover, or with `match-any` one of them."""
    key = protocol, name
    known = config.firewall.message_classes.get(key, MessageClass(name, protocol))
    config.firewall.message_classes[key] = known if how is None else replace(known, any_of=how == "match-any")
    return name


def _remove_class(protocol: str, config: Config, *, name: str, how: _How | None = None) -> None:  # noqa: ARG001
    """Remove the class, which no policy may use any more."""
    if (protocol, name) not in config.firewall.message_classes:
        raise Refused(f"% Class-map {name} not configured", "name")
    for policy in config.firewall.message_policies.values():
        if policy.protocol == protocol and name in policy:
            raise Refused(f"% Class-map {name} is being used by policy-map {policy.name}, remove it first", "name")
    del config.firewall.message_classes[protocol, name]


def _match(protocol: str, form: Form, config: Config, name: str, **typed: Any) -> Place:  # noqa: ANN401 - as typed
    known = config.firewall.message_classes[protocol, name]
    criterion = _criterion(form, **typed)
    if criterion not in known.criteria:
        config.firewall.message_classes[protocol, name] = replace(known, criteria=(*known.criteria, criterion))
    return Place(f"{protocol}-class-map", name, criterion)


def _no_match(protocol: str, form: Form, config: Config, name: str, **typed: Any) -> None:  # noqa: ANN401 - as typed
    known = config.firewall.message_classes[protocol, name]
    criterion = _criterion(form, **typed)
    if criterion not in known.criteria:
        raise Refused(f"% Class-map {name} has no such match")
    left = tuple(one for one in known.criteria if one != criterion)
    config.firewall.message_classes[protocol, name] = replace(known, criteria=left)


def _criterion(
    form: Form,
    *,
    whose: Any = None,  # noqa: ANN401 - as typed
    header: str = "",
    **typed: Any,  # noqa: ANN401 - as typed
) -> Criterion:
    negated = typed.pop("not", None) is not None
    operand: str | int = next(iter(typed.values()), "")
    if form.test == "is":
        operand = " ".join(str(operand).lower().split())
    field = form.field + header.lower() if form.field == HEADER_FIELD else form.field
    return Criterion(field, form.test, operand, form.whose or whose, negated)


def _describe_class(protocol: str, config: Config, name: str, *, text: str) -> None:
    """Say in words what the class is."""
    classes = config.firewall.message_classes
    classes[protocol, name] = replace(classes[protocol, name], description=text)


def _no_class_description(protocol: str, config: Config, name: str) -> None:
    """Remove the description."""
    _describe_class(protocol, config, name, text="")


def _enter_policy(protocol: str, config: Config, *, name: str) -> str:
    """Describe a policy for messages; what none of its classes covers goes on."""
    config.firewall.message_policies.setdefault((protocol, name), MessagePolicy(name, protocol))
    return name


def _remove_policy(protocol: str, config: Config, *, name: str) -> None:
    """Remove the policy, which no class of a zone pair's policy may use any more."""
    key = protocol, name
    if key not in config.firewall.message_policies:
        raise Refused(f"% Policy-map {name} not configured", "name")
    for policy in config.firewall.policy_maps.values():
        if any(one.application == key for one in policy.classes):
            raise Refused(f"% Policy-map {name} is being used by policy-map {policy.name}, remove it first", "name")
    del config.firewall.message_policies[key]


def _enter_rule(protocol: str, config: Config, policy: str, *, class_map: str) -> Place:
    """Say what becomes of a class of messages."""
    known = config.firewall.message_policies[protocol, policy]
    if class_map not in known:
        config.firewall.message_policies[protocol, policy] = known.with_rule(MessageRule(class_map))
    return Place(f"{protocol}-policy-map", policy, class_map)


def _remove_rule(protocol: str, config: Config, policy: str, *, class_map: str) -> None:
    """Take the class out of the policy."""
    known = config.firewall.message_policies[protocol, policy]
    if class_map not in known:
        raise Refused(f"% Class-map {class_map} is not part of policy-map {policy}", "class_map")
    config.firewall.message_policies[protocol, policy] = known.without(class_map)


def _describe_policy(protocol: str, config: Config, policy: str, *, text: str) -> None:
    """Say in words what the policy is for."""
    policies = config.firewall.message_policies
    policies[protocol, policy] = replace(policies[protocol, policy], description=text)


def _no_policy_description(protocol: str, config: Config, policy: str) -> None:
    """Remove the description."""
    _describe_policy(protocol, config, policy, text="")


def _act(protocol: str, config: Config, place: Place, *, verb: Verb) -> None:
    """Let messages of the class go on, or drop them, and reset the connection that they come by."""
    _change(protocol, config, place, verb=verb)


def _no_act(protocol: str, config: Config, place: Place, *, verb: Verb) -> None:
    """Let them go on."""
    if _rule(protocol, config, place).verb == verb:
        _change(protocol, config, place, verb=None)


def _log(protocol: str, config: Config, place: Place) -> None:
    """Tell of each message of the class."""
    _change(protocol, config, place, log=True)


def _no_log(protocol: str, config: Config, place: Place) -> None:
    """Tell of none."""
    _change(protocol, config, place, log=False)


def _rule(protocol: str, config: Config, place: Place) -> MessageRule:
    return config.firewall.message_policies[protocol, place.name][str(place.said)]


def _change(protocol: str, config: Config, place: Place, **values: Any) -> None:  # noqa: ANN401 - of the fields' types
    policies = config.firewall.message_policies
    changed = replace(_rule(protocol, config, place), **values)
    policies[protocol, place.name] = policies[protocol, place.name].with_rule(changed)


def _enter_regex(config: Config, *, name: str) -> str:
    """Describe patterns, of which one must be found."""
    config.firewall.regexes.setdefault(name, RegexMap(name))
    return name


def _remove_regex(config: Config, *, name: str) -> None:
    """Remove the patterns, which no class may use any more."""
    if name not in config.firewall.regexes:
        raise Refused(f"% Parameter-map {name} not configured", "name")
    for one in config.firewall.message_classes.values():
        if any(criterion.test == "regex" and criterion.operand == name for criterion in one.criteria):
            raise Refused(f"% Parameter-map {name} is being used by class-map {one.name}, remove it first", "name")
    del config.firewall.regexes[name]


def _add_pattern(config: Config, name: str, *, text: str) -> None:
    """Look for this as well; it takes time in proportion to a message, whatever stands there."""
    pattern = _unquoted(text)
    try:
        Pattern(pattern)
    except Malformed as malformed:
        raise Refused(f"% Not a pattern: {malformed.reason}", "text") from None
    known = config.firewall.regexes[name]
    if pattern not in known.patterns:
        config.firewall.regexes[name] = replace(known, patterns=(*known.patterns, pattern))


def _take_pattern(config: Config, name: str, *, text: str) -> None:
    """Look for it no more."""
    known = config.firewall.regexes[name]
    if _unquoted(text) not in known.patterns:
        raise Refused(f"% Parameter-map {name} has no such pattern", "text")
    left = tuple(one for one in known.patterns if one != _unquoted(text))
    config.firewall.regexes[name] = replace(known, patterns=left)


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return text[1:-1] if quoted else text


def _about(protocol: str, function: Callable[..., object], *more: object) -> Callable[..., object]:
    bound = partial(function, protocol, *more)
    bound.__doc__ = function.__doc__
    return bound


_HELP = {
    "class-map": "Configure Class Map",
    "policy-map": "Configure Policy Map",
    "parameter-map": "Configure Parameter Map",
    "type": "type of the map",
    "inspect": "Firewall map",
    "regex": "Patterns of a parameter map",
    "sip": "Session Initiation Protocol",
    "ftp": "File Transfer Protocol",
    "match-any": "Logical-OR all matching statements under this classmap",
    "match-all": "Logical-AND all matching statements under this classmap",
    "NAME": "Name of the map",
    "class": "policy criteria",
    "CLASS-MAP": "Class-map name",
    "description": "Description",
    "TEXT": "Up to the end of the line",
    "allow": "Let the message go on",
    "reset": "Drop the message, and reset its connection",
    "log": "Log the message",
    "match": "Classification criteria",
    "not": "Negate this match",
    "request": "Requests",
    "response": "Responses",
    "req-resp": "Requests and responses",
    "method": "Method of a request",
    "METHOD": "Method",
    "header": "Header",
    "HEADER": "Name of the header",
    "length": "Length in bytes",
    "count": "How many there are",
    "gt": "Greater than",
    "NUMBER": "Number",
    "PATTERNS": "Parameter-map name",
    "uri": "Request-URI",
    "content": "Body of a message",
    "TYPE": "Type of the body, such as application/sdp",
    "max-forwards": "How often it may be forwarded",
    "request-command": "Commands of clients",
    "COMMANDS": "Commands, parted by blanks",
    "protocol-violation": "Messages that break the protocol",
    "unknown": "Headers that are not registered",
    "pattern": "Pattern, which may stand in quotation marks",
}

REGEX_COMMANDS = (Command("pattern TEXT:line", _HELP, _add_pattern, _take_pattern),)


def _commands(protocol: str) -> tuple[Command, ...]:
    return (
        Command(
            f"class-map type inspect {protocol} [HOW:match-any|match-all] NAME:word",
            _HELP,
            _about(protocol, _enter_class),
            _about(protocol, _remove_class),
            enters=f"{protocol}-class-map",
        ),
        Command(
            f"policy-map type inspect {protocol} NAME:word",
            _HELP,
            _about(protocol, _enter_policy),
            _about(protocol, _remove_policy),
            enters=f"{protocol}-policy-map",
        ),
    )


COMMANDS = (
    Command("parameter-map type regex NAME:word", _HELP, _enter_regex, _remove_regex, enters="regex"),
    *(command for protocol in FORMS for command in _commands(protocol)),
)


def class_commands(protocol: str) -> tuple[Command, ...]:
    """The commands of the mode of a class of messages."""
    return (
        *(
            Command(
                form.grammar,
                _HELP,
                described(partial(_match, protocol, form), form.effect),
                described(partial(_no_match, protocol, form), "Take the match out of the class."),
            )
            for form in FORMS[protocol]
        ),
        Command(
            "description ~ TEXT:line",
            _HELP,
            _about(protocol, _describe_class),
            _about(protocol, _no_class_description),
        ),
    )


def policy_commands(protocol: str) -> tuple[Command, ...]:
    """The commands of the mode of a policy for messages."""
    return (
        Command(
            f"class type inspect {protocol} CLASS-MAP:word",
            _HELP,
            _about(protocol, _enter_rule),
            _about(protocol, _remove_rule),
            enters=f"{protocol}-policy-class",
        ),
        Command(
            "description ~ TEXT:line",
            _HELP,
            _about(protocol, _describe_policy),
            _about(protocol, _no_policy_description),
        ),
    )


def rule_commands(protocol: str) -> tuple[Command, ...]:
    """The commands of the mode of a class in such a policy."""
    return (
        Command("VERB:allow|reset", _HELP, _about(protocol, _act), _about(protocol, _no_act)),
        Command("log", _HELP, _about(protocol, _log), _about(protocol, _no_log)),
    )
