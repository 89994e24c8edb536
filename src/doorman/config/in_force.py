"""The part of a configuration that can work: an operator may type a rule before the access list that it names."""

from collections.abc import Container
from dataclasses import replace

from doorman.config.faults import find_faults
from doorman.config.ipsec import Ipsec
from doorman.config.model import Config
from doorman.config.nat64_faults import without_faulty_nat64
from doorman.config.statics import Statics
from doorman.config.zone_faults import without_faulty


def in_force(config: Config) -> tuple[Config, list[str]]:
    """The configuration without the rules that have a fault, and what is wrong with those, in the words of IOS."""
    faults = list(find_faults(config))
    faulty = {fault.rule for fault in faults}
    if not faulty:
        return config, []
    working = replace(
        config,
        dynamic_sources=[rule for rule in config.dynamic_sources if rule not in faulty],
        outside_sources=[rule for rule in config.outside_sources if rule not in faulty],
        destinations=[rule for rule in config.destinations if rule not in faulty],
        statics=Statics(rule for rule in config.statics if rule not in faulty),
        outside_statics=Statics((rule for rule in config.outside_statics if rule not in faulty), in_vrf=True),
        firewall=without_faulty(config.firewall, faults),
        ipsec=_working(config.ipsec, faulty),
    )
    return without_faulty_nat64(working, faulty), [fault.message for fault in faults]


def _working(ipsec: Ipsec, faulty: Container[object]) -> Ipsec:
    return replace(
        ipsec,
        spi_match=tuple(name for name in ipsec.spi_match if ("spi_match", name) not in faulty),
        preserve_port=tuple(name for name in ipsec.preserve_port if ("preserve_port", name) not in faulty),
        inward=tuple(one for one in ipsec.inward if ("esp", one[0]) not in faulty),
    )
