"""Hypothesis strategies for the zone-based firewall of a configuration, whose parts name only what there is."""

from hypothesis import strategies as st

from doorman.config.access_lists import AccessList
from doorman.config.applications import Criterion, MessageClass, MessagePolicy, MessageRule, RegexMap, Verb, Whose
from doorman.config.message_forms import FORMS, HEADER_FIELD
from doorman.config.model import Config, Interface
from doorman.config.port_map import NAMES, WHOLE, PortMap, Transport
from doorman.config.zones import (
    CLASS_DEFAULT,
    Action,
    ClassMap,
    Firewall,
    Match,
    MatchClass,
    MatchList,
    MatchProtocol,
    ParameterMap,
    Police,
    PolicyClass,
    PolicyMap,
    Zone,
    ZonePair,
)

names = st.from_regex(r"[A-Z][A-Za-z0-9_.-]{0,11}", fullmatch=True).filter(lambda name: name.lower() not in FORMS)
"""Names of firewall objects; a keyword in full would be read as that."""
applications = st.sampled_from(NAMES) | st.from_regex(r"user-[a-z0-9]{1,8}", fullmatch=True)
descriptions = st.sampled_from(("", "what it is for"))
numbers = st.integers(1, 2_147_483_647)
tcp: Transport = "tcp"
udp: Transport = "udp"
inspect: Action = "inspect"
pass_: Action = "pass"
drop: Action = "drop"


@st.composite
def class_maps(draw: st.DrawFn, lists: list[str]) -> dict[str, ClassMap]:
    """Classes that may be made of those before them."""
    found: dict[str, ClassMap] = {}
    for name in draw(st.lists(names, max_size=4, unique=True)):
        matches: st.SearchStrategy[Match] = applications.map(MatchProtocol)
        if lists:
            matches |= st.sampled_from(lists).map(MatchList)
        if found:
            matches |= st.sampled_from(sorted(found)).map(MatchClass)
        chosen = tuple(draw(st.lists(matches, max_size=3, unique=True)))
        found[name] = ClassMap(name, chosen, draw(st.booleans()), draw(descriptions))
    return found


parameter_maps = st.builds(
    ParameterMap,
    names | st.sampled_from(("default", "global")),
    *[numbers] * 6,
    *[st.none() | numbers] * 5,
    alert=st.booleans(),
    audit_trail=st.booleans(),
    log_dropped=st.booleans(),
    description=descriptions,
)


@st.composite
def criteria(draw: st.DrawFn, protocol: str, regexes: list[str]) -> Criterion:
    form = draw(st.sampled_from([form for form in FORMS[protocol] if regexes or form.test != "regex"]))
    operand: str | int = ""
    if form.test == "regex":
        operand = draw(st.sampled_from(regexes))
    elif form.operand.startswith("NUMBER"):
        operand = draw(st.integers(0, 65_535))
    elif form.operand:
        operand = draw(st.from_regex(r"[b-z]{1,3}/?[b-z]{1,3}", fullmatch=True))
    header = draw(st.from_regex(r"x-[a-z]{1,6}", fullmatch=True)) if form.field == HEADER_FIELD else ""
    anyone: tuple[Whose, ...] = ("request", "response", "req-resp")
    whose = form.whose if form.whose is not None else draw(st.sampled_from(anyone))
    return Criterion(form.field + header, form.test, operand, whose, draw(st.booleans()))


@st.composite
def message_classes(draw: st.DrawFn, regexes: list[str]) -> dict[tuple[str, str], MessageClass]:
    found = {}
    for protocol, name in draw(st.lists(st.tuples(st.sampled_from(sorted(FORMS)), names), max_size=2, unique=True)):
        chosen = tuple(draw(st.lists(criteria(protocol, regexes), max_size=3, unique=True)))
        found[protocol, name] = MessageClass(name, protocol, chosen, draw(st.booleans()), draw(descriptions))
    return found


@st.composite
def message_policies(draw: st.DrawFn, classes: list[tuple[str, str]]) -> dict[tuple[str, str], MessagePolicy]:
    found = {}
    verbs: tuple[Verb | None, ...] = (None, "allow", "reset")
    for protocol, name in draw(st.lists(st.tuples(st.sampled_from(sorted(FORMS)), names), max_size=2, unique=True)):
        known = [one for whose, one in classes if whose == protocol]
        chosen = draw(st.lists(st.sampled_from(known), max_size=2, unique=True)) if known else []
        rules = tuple(MessageRule(one, draw(st.sampled_from(verbs)), draw(st.booleans())) for one in chosen)
        found[protocol, name] = MessagePolicy(name, protocol, rules, draw(descriptions))
    return found


regexes = st.builds(
    RegexMap,
    names,
    st.lists(st.sampled_from(("a", 'b"c', '"', ' x "', "[a-z]+$")), max_size=2, unique=True).map(tuple),
)


@st.composite
def policy_classes(
    draw: st.DrawFn, class_map: str, parameters: list[str], applications: list[tuple[str, str]]
) -> PolicyClass:
    action = draw(st.sampled_from((None, inspect, pass_, drop)))
    if action != inspect:
        return PolicyClass(class_map, action, log=action is not None and draw(st.booleans()))
    police = st.builds(Police, st.integers(8_000, 2_000_000_000), st.none() | st.integers(1_000, 512_000_000))
    return PolicyClass(
        class_map,
        action,
        draw(st.none() | st.sampled_from([*parameters, "default"])),
        police=draw(st.none() | police),
        application=draw(st.sampled_from([None, *applications])),
    )


@st.composite
def policy_maps(
    draw: st.DrawFn, classes: list[str], parameters: list[str], applications: list[tuple[str, str]]
) -> dict[str, PolicyMap]:
    found = {}
    for name in draw(st.lists(names, max_size=3, unique=True)):
        chosen = draw(st.lists(st.sampled_from(classes), max_size=3, unique=True)) if classes else []
        chosen += [CLASS_DEFAULT] if draw(st.booleans()) else []
        parts = tuple(draw(policy_classes(one, parameters, applications)) for one in chosen)
        found[name] = PolicyMap(name, parts, draw(descriptions))
    return found


@st.composite
def zone_pairs(draw: st.DrawFn, zones: list[str], policies: list[str]) -> dict[str, ZonePair]:
    ends = [*zones, "self"]
    pairs = st.tuples(st.sampled_from(ends), st.sampled_from(ends)).filter(lambda pair: pair != ("self", "self"))
    chosen = draw(st.lists(pairs, max_size=3, unique=True)) if zones else []
    policy = st.sampled_from([None, *policies])
    return {f"P{index}": ZonePair(f"P{index}", *ends, draw(policy)) for index, ends in enumerate(chosen)}


@st.composite
def port_maps(draw: st.DrawFn, lists: list[str]) -> dict[PortMap, None]:
    mapped = st.builds(
        PortMap,
        applications.filter(lambda name: name not in WHOLE),
        st.sampled_from((None, tcp, udp)),
        st.integers(1, 65_535),
        st.sampled_from([None, *lists]),
    )
    return dict.fromkeys(draw(st.lists(mapped, max_size=3, unique=True)))


@st.composite
def firewalls(draw: st.DrawFn, lists: list[str]) -> Firewall:
    """A firewall that may use these access lists."""
    classes = draw(class_maps(lists))
    parameters = {one.name: one for one in draw(st.lists(parameter_maps, max_size=2))}
    patterns = {one.name: one for one in draw(st.lists(regexes, max_size=2))}
    of_messages = draw(message_classes(sorted(patterns)))
    for_messages = draw(message_policies(sorted(of_messages)))
    policies = draw(policy_maps(sorted(classes), sorted(parameters), sorted(for_messages)))
    zones = draw(st.lists(names | st.just("default"), max_size=3, unique=True))
    return Firewall(
        classes,
        policies,
        parameters,
        {name: Zone(name, draw(descriptions)) for name in zones},
        draw(zone_pairs(zones, sorted(policies))),
        draw(port_maps(lists)),
        of_messages,
        for_messages,
        patterns,
    )


@st.composite
def firewall_configs(draw: st.DrawFn) -> Config:
    """Configurations with nothing but a firewall, its interfaces, and two access lists."""
    lists = {name: AccessList(name, extended=name == "WEB") for name in ("WEB", "FTP")}
    config = Config(access_lists=lists, firewall=draw(firewalls(sorted(lists))))
    for name in ("in0", "out0"):
        config.interfaces[name] = Interface(name, zone=draw(st.sampled_from([None, *config.firewall.zones])))
    return config
