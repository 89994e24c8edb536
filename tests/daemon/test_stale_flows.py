"""Which changes of the configuration can leave flows behind that must begin anew."""

import pytest

from doorman.config.reader import read_config
from doorman.daemon.stale_flows import translate_alike

BASE = """\
interface out0
 ip address 192.0.2.1 255.255.255.0
 ip nat outside
object-group network PHONES
 host 10.0.0.1
ip access-list extended INSIDE
 permit ip object-group PHONES any
ip nat inside source list INSIDE interface out0 overload
"""


def alike(added: str) -> bool:
    return translate_alike(read_config(BASE, "before"), read_config(BASE + added, "after"))


@pytest.mark.parametrize(
    "added",
    [
        "ip nat inside source static 10.0.0.5 192.0.2.5\n",
        "ip access-list extended INSIDE\n permit ip host 10.0.0.2 any\n",
        "object-group network PHONES\n host 10.0.0.2\n",
    ],
)
def test_other_hosts_get_names(added: str) -> None:
    assert not alike(added)


@pytest.mark.parametrize("added", ["", "hostname other\n", "ip nat translation max-entries 9\n"])
def test_all_stays_as_it_was(added: str) -> None:
    assert alike(added)
