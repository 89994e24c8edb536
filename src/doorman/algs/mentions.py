"""What a message mentions, as its receiver must read it, where nothing is announced and no door opens.

The two ends of the message's own flow are known by its path, whatever rules there are. Of all others only those have
another name who have one already.
"""

from doorman.algs.api import Effect, Message, Nat, Note
from doorman.net.addresses import UNSPECIFIED_V4, Address, Endpoint, address_ascii


def named_host(address: Address, message: Message, nat: Nat) -> Address:
    """A host, where no port is meant; itself where it has no other name."""
    path = message.path
    if address == path.sent_from.address:
        return path.arrives_from.address
    if address == path.sent_to.address:
        return path.arrives_to.address
    return nat.host(address, own=False)


def named_endpoint(endpoint: Endpoint, message: Message, nat: Nat, protocol: int) -> Endpoint:
    """An endpoint; one of the sender's own gets a name if it has none.

    Raises:
        Refused: no address or port is left for it.
    """
    path = message.path
    if endpoint == path.sent_from:
        return path.arrives_from
    if endpoint == path.sent_to:
        return path.arrives_to
    return nat.translate(endpoint, protocol)


def left(address: Address, message: Message, nat: Nat) -> list[Effect]:
    """What there is to say of an address that stays: nothing, unless the receiver knows that host by another name."""
    if not message.path.translated or address == UNSPECIFIED_V4 or not nat.owns(address):
        return []
    return [Note("address-left", address_ascii(address))]
