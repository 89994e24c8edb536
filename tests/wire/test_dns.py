"""Reading DNS: records of messages that dnspython writes, names in reverse, and what is none of it."""

import itertools
from contextlib import suppress

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.net.addresses import Address, address_of
from doorman.wire.dns import HEADER, RESPONSES, name_of, possible_addresses, read_records
from doorman.wire.dns_names import may_reverse, rename, reversed_address
from doorman.wire.malformed import Malformed
from kit.dns import answer, names, query, read, responses

SWAPPED = {address_of(one): address_of(other) for one, other in [("10.0.0.5", "203.0.113.5"), ("10.0.0.6", "1.2.3.4")]}
SWAPPED |= {other: one for one, other in SWAPPED.items()}


def swap(address: Address) -> Address:
    return SWAPPED.get(address, address)


def renamed(data: bytes, start: int = 0) -> bytes:
    at, parts = 0, []
    for begin, end, new, _ in rename(data, start, swap):
        parts += [data[at:begin], new]
        at = end
    return b"".join([*parts, data[at:]])


def test_what_a_message_is() -> None:
    for opcode, rcode in itertools.product(range(16), range(16)):
        check_name(opcode, rcode)


def check_name(opcode: int, rcode: int) -> None:
    said = dns.message.Message(id=1)
    said.set_opcode(dns.opcode.Opcode(opcode))
    said.set_rcode(dns.rcode.Rcode(rcode))
    known = {0: "query", 1: "iquery", 2: "status", 4: "notify", 5: "update", 6: "dso"}.get(opcode, "")
    assert name_of(said.to_wire(), 0) == known
    said.flags |= dns.flags.QR | dns.flags.RD | dns.flags.AD
    name = (RESPONSES[rcode] if rcode < len(RESPONSES) else "other response") if known else ""
    assert name_of(b"\0\x0c" + said.to_wire(), 2) == name


@given(responses())
def test_addresses_are_where_dnspython_has_them(said: dns.message.Message) -> None:
    data = said.to_wire()
    records = read_records(data, 0)
    rrsets = [rrset for section in (said.answer, said.authority, said.additional) for rrset in section]
    addresses = [rdata.address for rrset in rrsets for rdata in rrset if rrset.rdtype == 1]
    assert [data[at : at + 4] for at in records.addresses] == [address_of(text) for text in addresses]
    assert {data[at : at + 4] for at in records.addresses} <= set(possible_addresses(data))
    assert len(records.answers) == sum(map(len, said.answer))
    assert not records.signed


@given(st.binary(max_size=60), st.binary(min_size=4, max_size=4))
def test_no_address_is_overlooked_whatever_stands_before_it(before: bytes, address: bytes) -> None:
    record = b"\0\1\0\1\0\0\0\0\0\4" + address
    assert address in possible_addresses(before + record + b"\0")


@given(names)
def test_addresses_in_reverse(name: str) -> None:
    labels = dns.name.from_text(name).labels[:-1]
    full = name.lower().endswith(".in-addr.arpa.") and len(labels) == 6
    found = reversed_address(labels)
    assert (found is not None) == full
    if found is not None:
        assert ".".join(map(str, found[::-1])) == ".".join(name.split(".")[:4])


@pytest.mark.parametrize("first", [b"05", b"256", b"", b"1a", b"-1", b"\xb2"])
def test_other_numbers_are_no_addresses(first: bytes) -> None:
    assert reversed_address((first, b"0", b"0", b"10", b"in-addr", b"arpa")) is None
    assert reversed_address((b"5", b"0", b"0", b"10", b"in-addr", b"arpa")) == address_of("10.0.0.5")


# Names with other addresses


def test_a_name_that_grows_moves_what_pointers_lead_to() -> None:
    said = answer(
        query("5.0.0.10.in-addr.arpa", "PTR"),
        "5.0.0.10.in-addr.arpa. 300 IN PTR www.example.org.",
        authority=["0.0.10.in-addr.arpa. 300 IN NS ns1.example.org."],
        additional=["ns1.example.org. 300 IN A 198.51.100.9"],
    )
    after = read(renamed(said.to_wire()))
    assert after.question[0].name.to_text() == "5.113.0.203.in-addr.arpa."
    assert [rrset.to_text() for rrset in (*after.answer, *after.authority, *after.additional)] == [
        "5.113.0.203.in-addr.arpa. 300 IN PTR www.example.org.",
        "113.0.203.in-addr.arpa. 300 IN NS ns1.example.org.",
        "ns1.example.org. 300 IN A 198.51.100.9",
    ]
    assert len(renamed(said.to_wire())) == len(said.to_wire()) + 3


def test_names_that_share_labels_and_go_apart() -> None:
    said = answer(
        query("5.0.0.10.in-addr.arpa", "ANY"),
        "5.0.0.10.in-addr.arpa. 300 IN PTR a.example.org.",
        "6.0.0.10.in-addr.arpa. 300 IN PTR b.example.org.",
        "7.0.0.10.in-addr.arpa. 300 IN CNAME 6.0.0.10.in-addr.arpa.",
    )
    data = said.to_wire()
    after = read(renamed(data))
    assert [rrset.to_text() for rrset in after.answer] == [
        "5.113.0.203.in-addr.arpa. 300 IN PTR a.example.org.",
        "4.3.2.1.in-addr.arpa. 300 IN PTR b.example.org.",
        "7.0.0.10.in-addr.arpa. 300 IN CNAME 4.3.2.1.in-addr.arpa.",
    ]


A_RECORD = b"\0\1\0\1\0\0\0\0\0\4\x0a\0\0\5"
ASKED = b"\x03www\0\0\1\0\1"
OF_ASKED = b"\xc0\x0c" + A_RECORD


@pytest.mark.parametrize("flags", [b"", b"\0\0", b"\x80\0"])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("start", [0, 2])
def test_addresses_of_the_name_that_was_asked_for(count: int, flags: bytes, start: int) -> None:
    """With EDNS and without; where the asker wants signatures, the server's word that it has checked them counts."""
    edns = b"\0\0\x29\4\xd0\0\0" + flags + b"\0\0" if flags else b""
    for section in (1, 2, 3):
        counts = [1, *(count if section == one else 0 for one in (1, 2, 3))]
        counts[3] += bool(flags)
        head = b"".join([bytes(start), b"\0\1\x81\xa0", *(one.to_bytes(2, "big") for one in counts)])
        places = [len(head) + len(ASKED) + number * len(OF_ASKED) + 12 for number in range(count)]
        data = head + ASKED + OF_ASKED * count + edns
        signed = flags == b"\x80\0"
        assert read_records(data, start) == (places if section == 1 else [], places, signed)
        assert read_records(data + OF_ASKED, start) == (places if section == 1 else [], places, signed)
        with pytest.raises(Malformed, match=r"^dns-cut-short$"):
            read_records(data[:-1], start)
        more = data[: start + 6] + (counts[1] + 1).to_bytes(2, "big") + data[start + 8 :]
        with pytest.raises(Malformed, match=r"^dns-cut-short$"):
            read_records(more, start)


def test_a_message_stays_in_which_no_name_is_another() -> None:
    """Though a name is spelled out twice, and a third ends in what is no name but text."""
    stranger = b"\x019\x019\x019\x019\x07in-addr\x04arpa\0"
    text = b"\0\0\x10\0\1\0\0\0\0\0\x10\x018\x07in-addr\x04arpa\0"
    head = HEAD[:6] + b"\0\3" + HEAD[8:] + stranger + b"\0\x0c\0\1" + stranger + A_RECORD + text
    ending = (0xC000 | len(head) - 16).to_bytes(2, "big")
    data = head + b"\x018\x018\x018" + ending + A_RECORD
    assert renamed(data) == data


def test_records_whose_data_grow_say_so() -> None:
    soa = "6.0.0.10.in-addr.arpa. 5.0.0.10.in-addr.arpa. 1 2 3 4 5"
    said = answer(query("example.org"), f"example.org. 300 IN SOA {soa}", "example.org. 300 IN A 192.0.2.1")
    after = read(renamed(said.to_wire()))
    assert after.answer[0].to_text() == (
        "example.org. 300 IN SOA 4.3.2.1.in-addr.arpa. 5.113.0.203.in-addr.arpa. 1 2 3 4 5"
    )
    assert after.answer[1].to_text() == "example.org. 300 IN A 192.0.2.1"


def test_a_pointer_cannot_lead_further_than_it_can_say() -> None:
    head = query("5.0.0.10.in-addr.arpa", "PTR").to_wire()
    for last, fits in ((0x3FFC, True), (0x3FFD, False)):
        length = last - len(head) - 11
        text = b"\0\0\x10\0\1\0\0\0\0" + length.to_bytes(2, "big") + bytes(length)
        owners = b"\1h\0" + A_RECORD + (0xC000 | last).to_bytes(2, "big") + A_RECORD
        data = head[:6] + b"\0\3" + head[8:] + text + owners
        assert data[last:].startswith(b"\1h\0")
        if fits:
            assert renamed(data)[len(head) + 3 :].endswith(b"\xff\xff" + A_RECORD)
        else:
            with pytest.raises(Malformed, match=r"^dns-pointer-too-far$"):
                renamed(data)


@given(responses(), st.sampled_from([0, 2]))
def test_dnspython_reads_the_same_with_other_names(said: dns.message.Message, start: int) -> None:
    data = bytes(start) + said.to_wire()
    after = renamed(data, start)
    by_text = Renamed()
    assert spelled(after[start:]) == [by_text(line) for line in spelled(data[start:])]
    if not by_text.zone:
        assert after == data


def spelled(data: bytes) -> list[str]:
    """A message in words, a line for each question and record; compressed names as what they mean."""
    message = read(data)
    found = [rrset.name.to_text() for rrset in message.question]
    for section in (message.answer, message.authority, message.additional):
        found += [rrset.to_text(want_generic=False) for rrset in section]
    return found


class Renamed:
    """What must become of lines, told by their text alone; names in the order in which they stand."""

    def __init__(self) -> None:
        self.zone: list[str] = []
        self.now: list[str] = []

    def __call__(self, line: str) -> str:
        if " TXT " in line or " TYPE65280 " in line:
            owner, blank, rest = line.partition(" ")
            return self.name(owner) + blank + rest
        return " ".join(map(self.name, line.split(" ")))

    def name(self, word: str) -> str:
        if not word.lower().endswith(".in-addr.arpa."):
            return word
        parts = word.split(".")
        octets, rest = parts[:-3], parts[-3:]
        address = ".".join(octets[:-5:-1]) if len(octets) >= 4 else ""
        other = {"10.0.0.5": "203.0.113.5", "203.0.113.5": "10.0.0.5", "10.0.0.6": "1.2.3.4", "1.2.3.4": "10.0.0.6"}
        if address in other:
            new = other[address].split(".")[::-1]
            if not self.zone:
                self.zone, self.now = octets[-4:], new
            return ".".join([*octets[:-4], *new, *rest])
        if octets and len(octets) < 4 and self.zone[-len(octets) :] == octets:
            return ".".join([*self.now[-len(octets) :], *rest])
        return word


# What cannot be read

HEAD = bytes(4) + b"\0\1\0\1" + bytes(4)


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        (b"", "dns-cut-short"),
        (b"\x03ww", "dns-cut-short"),
        (b"\0\0\1\0", "dns-cut-short"),
        (b"\0\0\1\0\1", "dns-cut-short"),
        (b"\0\0\1\0\1\0" + A_RECORD[:-1], "dns-cut-short"),
        (b"\0\0\1\0\1\xc0", "dns-cut-short"),
        (b"\x40a\0\0\1\0\1\0" + A_RECORD, "dns-label"),
        (b"\x80a\0\0\1\0\1\0" + A_RECORD, "dns-label"),
        (b"\xc0\x0c\0\1\0\1\0" + A_RECORD, "dns-pointer"),
        (b"\x01a\xc0\x0c\0\1\0\1\0" + A_RECORD, "dns-pointer"),
        (b"\0\0\1\0\1\xc0\x11" + A_RECORD, "dns-pointer"),
        (b"\0\0\1\0\1\xc0\x20" + A_RECORD, "dns-pointer"),
        (b"\0\0\1\0\1\xc0\x05" + A_RECORD, "dns-pointer"),
        (b"\x3f".ljust(64, b"a") * 4 + b"\0\0\1\0\1\0" + A_RECORD, "dns-name-too-long"),
    ],
)
def test_what_cannot_be_read(rest: bytes, reason: str) -> None:
    for start in (0, 2):
        data = bytes(start) + HEAD + rest
        with pytest.raises(Malformed, match=f"^{reason}$"):
            read_records(data, start)
        with pytest.raises(Malformed, match=f"^{reason}$"):
            rename(data, start, swap)


def test_a_loop_of_pointers_through_labels() -> None:
    """Each leads back, but the labels behind the second lead forward to it again."""
    name = b"\x01a\x01b\xc0\x0c"
    with pytest.raises(Malformed, match="dns-pointer"):
        rename(HEAD + name + b"\0\1\0\1\0" + A_RECORD, 0, swap)


@pytest.mark.parametrize("length", range(HEADER))
def test_what_is_no_message(length: int) -> None:
    assert name_of(bytes(length), 0) == ""


@given(responses(), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4), st.integers(0, 400))
def test_damaged_messages_are_read_or_refused(
    said: dns.message.Message, damage: list[tuple[int, int]], end: int
) -> None:
    data = bytearray(said.to_wire())
    for at, byte in damage:
        data[at % len(data)] = byte
    for one in (bytes(data), bytes(data[: HEADER + end])):
        with suppress(Malformed):  # nothing else is raised
            read_records(one, 0)
            if may_reverse(one):
                renamed(one)
