"""The gateways that scripts go through."""

import random
from functools import lru_cache

from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.net.packet import UDP
from kit.packets import endpoint
from kit.sip import GLOBAL, OTHER_PHONE, OVERLOAD, PHONE, POOL, STATIC, Gateway, request, sdp

GATEWAYS = {
    "overload": OVERLOAD,
    "busy": OVERLOAD,
    "pool": POOL,
    "static": STATIC,
    "exchange": OVERLOAD + "ip nat service sip trusted-media 7\naccess-list 7 permit host 10.0.0.10\n",
    "permissive": OVERLOAD
    + "".join(
        f"ip nat service sip {setting}\n"
        for setting in ("malformed pass", "unknown-message permit", "oversized pass", "hold retain", "quota calls 2")
    ),
    "pinhole": OVERLOAD + "ip nat service sip mode pinhole-only\n",
    "observe": OVERLOAD + "ip nat service sip mode observe\n",
    "rtsp": OVERLOAD,
    "ldap": OVERLOAD,
}
"""`busy`: another phone has taken the usual ports; `rtsp` and `ldap`: another protocol than SIP is spoken."""
_OTHERS = {"rtsp": ("rtsp", 554), "ldap": ("ldap", 389)}
UNTOUCHED = frozenset({"pinhole", "observe"})
"""Those that change no message."""
BEGIN = 1000.0
"""Seconds of the gateway's clock when a script begins."""


@lru_cache
def config_of(name: str) -> Config:
    """The configuration of a gateway."""
    return read_config(GATEWAYS[name], name)


def spoken(name: str) -> tuple[str, int]:
    """The protocol that is spoken through a gateway, and the port of it."""
    return _OTHERS.get(name, ("sip", 5060))


class FuzzedGateway(Gateway):
    """A gateway whose configuration was read before; the phone has registered."""

    def __init__(self, name: str) -> None:
        self.engine = Engine(config_of(name), random.Random(7).random)
        self.now = BEGIN
        if name == "busy":
            self.out(request("INVITE", call_id="busy", host="10.0.0.11", body=sdp("10.0.0.11", 4000)), OTHER_PHONE)
        self.out(request("REGISTER", call_id="r"), PHONE)

    @property
    def name_of_phone(self) -> str:
        """The global name of its signalling port."""
        binding = self.engine.state.bindings.by_local(UDP, endpoint(PHONE))
        return str(binding.outward(endpoint(PHONE))) if binding is not None else GLOBAL + ":5060"
