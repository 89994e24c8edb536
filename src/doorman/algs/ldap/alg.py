"""The LDAP ALG: where people can be called, in a directory of NetMeeting (Internet Locator Service, ILS).

    client inside                       gateway                         directory outside
      | addRequest: I am at 192.168.1.10 -->| I am at 203.0.113.10 -------->|
      |                                     |<------- searchResEntry -------|     to others: 203.0.113.10
      | 192.168.1.10 <----------------------|<- I am at 203.0.113.10 -------|     to the client itself
      | extendedReq: StartTLS ------------->|------------------------------>|     nothing is looked into from here on

A directory inside is the same the other way round. Addresses are numbers in text: with another number the lengths of
all elements around it change. Nothing is remembered and no door opens: who shall be called from outside needs a static
name. All other LDAP passes as it is. MS-TAIL; RFC 4511, and RFC 1777 for version 2.
"""

from doorman.algs.api import Edit, Effect, Message, Nat, Note, Outcome, Refused
from doorman.algs.mentions import left, named_endpoint, named_host
from doorman.algs.stateless import Stateless
from doorman.algs.statistics import MALFORMED
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import TCP
from doorman.wire.ldap import Entry, read_ldap, written_address
from doorman.wire.malformed import Malformed

_IPV4 = 4


class LdapAlg(Stateless):
    """LDAP's application-level gateway. Its settings are those of all ALGs."""

    name = "ldap"

    def on_message(self, message: Message, nat: Nat) -> Outcome:
        """Name the people of a message. See `Alg.on_message`."""
        try:
            ldap = read_ldap(message.data)
        except Malformed as malformed:
            outcome = self.unreadable(malformed.reason, MALFORMED, message)
            outcome.reset = outcome.drop is not None  # its sender would wait for the answer
            return outcome
        if ldap.entry is None:
            return Outcome([], [], ldap.name)
        if ldap.entry.is_overfull:
            return Outcome([], [Note("too-many-values")], ldap.name)
        effects: list[Effect] = []
        return Outcome(_name_people(ldap.entry, message, nat, effects), effects, ldap.name)

    def as_sent(self, message: Message, nat: Nat) -> list[Edit]:
        """Name the people as the sender did. See `Alg.as_sent`."""
        try:
            entry = read_ldap(message.data).entry
        except Malformed:
            return []
        return [] if entry is None or entry.is_overfull else _name_people(entry, message, nat, [])


def _name_people(entry: Entry, message: Message, nat: Nat, effects: list[Effect]) -> list[Edit]:
    """The edits of a message, and in `effects` what is to be said of it."""
    if len(entry.addresses) == len(entry.ports) == 1 and _name_endpoint(entry, message, nat, effects):
        return _edits(entry)
    for number, address in entry.addresses:
        name = named_host(address, message, nat)
        if name == address:
            effects += left(address, message, nat)
        elif len(name) == _IPV4:
            entry.nest.replace(number, written_address(name))
    return _edits(entry)


def _name_endpoint(entry: Entry, message: Message, nat: Nat, effects: list[Effect]) -> bool:
    """Name somebody with a port of their own; False: that port has no name, though the host may."""
    [(number, address)], [(port_number, port)] = entry.addresses, entry.ports
    own = Endpoint(address, port)
    try:
        name = named_endpoint(own, message, nat, TCP)
    except Refused as refused:
        effects.append(Note(str(refused)))
        return False
    if name == own or len(name.address) != _IPV4:
        return False
    entry.nest.replace(number, written_address(Address(name.address)))
    if name.port != port:
        entry.nest.replace(port_number, b"%d" % name.port)
    return True


def _edits(entry: Entry) -> list[Edit]:
    return [
        Edit(start, end, new, "ILS endpoint" if is_content else "BER length")
        for start, end, new, is_content in entry.nest.replacements()
    ]
