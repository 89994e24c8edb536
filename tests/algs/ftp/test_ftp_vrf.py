"""An active transfer of the same client in each of two VRFs, from and to the same ports."""

import random

from doorman.config.reader import read_config
from doorman.engine.realms import engines
from kit.ftp import Ftp
from kit.vrf import OVERLOAD

DATA = "PORT 10,0,0,10,156,67"


def test_each_client_is_announced_by_a_name_of_its_own() -> None:
    of_realm = engines(read_config(OVERLOAD, "test.cfg"), random.Random(1).random)
    told = {}
    for vrf, engine in of_realm.items():
        ftp = Ftp(engine=engine)
        *address, high, low = ftp.says(DATA).removeprefix("PORT ").split(",")
        assert address == ["203", "0", "113", "1"]
        assert ftp.answers("200 ok") == "200 ok"
        told[vrf] = f"203.0.113.1:{int(high) * 256 + int(low)}"
        assert ftp.comes("198.51.100.20:20", told[vrf]) == "inside: tcp 198.51.100.20:20 > 10.0.0.10:40003"
    assert told["red"] == "203.0.113.1:40003"
    assert told["blue"] != told["red"]
