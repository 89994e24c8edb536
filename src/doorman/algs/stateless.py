"""The base of ALGs that remember nothing: each message is translated by itself."""

from doorman.algs.base import BaseAlg
from doorman.algs.settings import Settings


class Stateless(BaseAlg[Settings]):
    """An ALG but for `on_message`, whose settings may be of any class. See `BaseAlg`."""

    own = Settings
