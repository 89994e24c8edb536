"""The part of a configuration that can work: an operator may type a rule before the access list that it names."""

from dataclasses import replace

from doorman.config.faults import find_faults
from doorman.config.model import Config
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
        statics=Statics(rule for rule in config.statics if rule not in faulty),
        firewall=without_faulty(config.firewall, faults),
    )
    return working, [fault.message for fault in faults]
