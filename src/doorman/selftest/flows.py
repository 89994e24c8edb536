"""The kernel's flows of a test call, which shall not outlive it: the next one would go by what was decided for this."""

from collections.abc import Iterable

from doorman.dataplanes.netfilter.conntrack import delete
from doorman.dataplanes.netfilter.flow import FlowKey
from doorman.dataplanes.netfilter.netlink import Netlink
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import UDP
from doorman.selftest.call import MIRROR_MEDIA, PHONE_MEDIA, PHONE_PORT


def forget_flows(phone: Address, mirror: Address, port: int) -> None:
    """Have the kernel forget what there is between two hosts that test; `port` is the mirror's, for signalling.

    Raises:
        NetlinkError: the kernel refuses.
    """
    netlink = Netlink()
    try:
        delete(netlink, list(_keys(phone, mirror, port)))
    finally:
        netlink.close()


def _keys(phone: Address, mirror: Address, port: int) -> Iterable[FlowKey]:
    """What finds them, whoever began them: the phone's end sends, as it is inside."""
    for own, other in ((PHONE_PORT, port), (PHONE_MEDIA, MIRROR_MEDIA)):
        for is_reply in (False, True):
            yield FlowKey(UDP, Endpoint(phone, own), Endpoint(mirror, other), is_reply=is_reply)
