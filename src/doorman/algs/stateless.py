"""The base of ALGs that remember nothing: each message is translated by itself."""

from doorman.algs.base import BaseAlg
from doorman.algs.settings import Settings


class Stateless(BaseAlg[Settings]):
    """An ALG but for `on_message`, whose settings may be of any class. See `BaseAlg`.

    Args:
        ports: those it is served on.
        settings: those of its class.
    """

    def __init__(self, ports: frozenset[int], settings: Settings | None = None) -> None:
        super().__init__(ports, settings, Settings)
