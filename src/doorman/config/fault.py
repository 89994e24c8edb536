"""A fault of a configuration as a whole: what it is about, and what to tell."""

from typing import NamedTuple

from doorman.config.model import DynamicDestination, DynamicSource, OutsideSource
from doorman.config.nat64 import Nat64Rule, Nat64Static
from doorman.config.statics import Static
from doorman.config.zones import Place


class Fault(NamedTuple):
    """A rule, a setting by two names, or a line, that cannot work; the parameter of its command to blame, and why."""

    rule: (
        DynamicSource | OutsideSource | DynamicDestination | Static | Nat64Rule | Nat64Static | tuple[str, str] | Place
    )
    parameter: str
    message: str
