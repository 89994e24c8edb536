"""What hosts are told of others: answers and questions about addresses in reverse, each way, by rules of every kind."""

import dns.flags
import dns.message
import dns.tsig
import dns.update
import pytest
from hypothesis import given

from doorman.algs.api import Direction
from doorman.net.addresses import address_of
from kit.dns import (
    ASKING,
    HOST,
    OUTSIDE_LIST,
    POOL,
    RESOLVER,
    SERVER,
    STATIC,
    Dns,
    answer,
    as_sent,
    lines,
    query,
    read,
    responses,
    translated,
    whole_names,
)
from kit.sip import OVERLOAD

WWW = "www.example.org."
_OUT, _IN = Direction


def a(address: str, name: str = WWW, ttl: int = 300) -> str:
    return f"{name} {ttl} IN A {address}"


def test_a_server_inside_tells_of_hosts_by_their_global_addresses() -> None:
    gate = Dns(STATIC)
    assert gate.tells(WWW, a(SERVER), a("198.51.100.9")) == [a("203.0.113.5"), a("198.51.100.9")]
    assert gate.outcome.name == "NOERROR"
    assert gate.notes == {}


def test_a_server_outside_tells_of_hosts_inside_by_their_own() -> None:
    gate = Dns(STATIC)
    assert gate.told(WWW, a("203.0.113.5"), a("203.0.113.1"), a("192.0.2.9")) == (
        [a(SERVER), a("203.0.113.1"), a("192.0.2.9")]
    )


def test_all_sections_and_aliases() -> None:
    gate = Dns(STATIC)
    gate.goes_out(query(WWW, edns=True))
    arrived = read(
        gate.comes_in(
            answer(
                query(WWW, edns=True),
                f"{WWW} 60 IN CNAME web.example.org.",
                a("203.0.113.5", "web.example.org."),
                "web.example.org. 300 IN AAAA 2001:db8::5",
                authority=["example.org. 300 IN NS ns.example.org."],
                additional=[a("203.0.113.5", "ns.example.org.")],
            )
        )
    )
    assert lines(arrived) == [
        f"{WWW} 60 IN CNAME web.example.org.",
        a(SERVER, "web.example.org."),
        "web.example.org. 300 IN AAAA 2001:db8::5",
    ]
    assert lines(arrived, "authority") == ["example.org. 300 IN NS ns.example.org."]
    assert lines(arrived, "additional") == [a(SERVER, "ns.example.org.")]
    assert arrived.edns == 0


def test_addresses_in_reverse_are_asked_for_and_answered() -> None:
    gate = Dns(STATIC)
    asked = gate.asked("5.0.0.10.in-addr.arpa", "PTR")
    assert asked.question[0].name.to_text() == "5.113.0.203.in-addr.arpa."
    there = answer(
        query("5.113.0.203.in-addr.arpa", "PTR"),
        f"5.113.0.203.in-addr.arpa. 300 IN PTR {WWW}",
        authority=["113.0.203.in-addr.arpa. 300 IN NS ns.example.org."],
        additional=[a("203.0.113.5", "ns.example.org.")],
    )
    arrived = read(gate.comes_in(there))
    assert arrived.question[0].name.to_text() == "5.0.0.10.in-addr.arpa."
    assert lines(arrived) == [f"5.0.0.10.in-addr.arpa. 300 IN PTR {WWW}"]
    assert lines(arrived, "authority") == ["0.0.10.in-addr.arpa. 300 IN NS ns.example.org."]
    assert lines(arrived, "additional") == [a(SERVER, "ns.example.org.")]


def test_a_host_outside_asks_a_server_inside_for_an_address_in_reverse() -> None:
    gate = Dns(STATIC)
    came = gate.comes_in(query("5.113.0.203.in-addr.arpa", "PTR"), f"{ASKING}:5000", "203.0.113.5:53")
    assert read(came).question[0].name.to_text() == "5.0.0.10.in-addr.arpa."
    left = gate.goes_out(
        answer(query("5.0.0.10.in-addr.arpa", "PTR"), f"5.0.0.10.in-addr.arpa. 300 IN PTR {WWW}"),
        f"{SERVER}:53",
        f"{ASKING}:5000",
    )
    assert lines(read(left)) == [f"5.113.0.203.in-addr.arpa. 300 IN PTR {WWW}"]


def test_a_question_in_reverse_gives_nobody_a_name() -> None:
    gate = Dns(POOL)
    before = len(gate.engine.state.bindings)
    asked = gate.asked("77.0.0.10.in-addr.arpa", "PTR")
    assert asked.question[0].name.to_text() == "77.0.0.10.in-addr.arpa."
    assert len(gate.engine.state.bindings) == before + 1  # who asks


# Names that rules give out


def test_a_host_without_a_name_is_leased_one_when_it_is_told_of() -> None:
    gate = Dns(POOL)
    [told] = gate.tells(WWW, a("10.0.0.7"))
    name = told.split()[-1]
    assert name.startswith("203.0.113.2")
    assert gate.tells(WWW, a("10.0.0.7")) == [told]
    assert gate.engine.state.bindings.own_name(address_of("10.0.0.7")) == address_of(name)
    came = gate.comes_in(b"x", f"{ASKING}:999", f"{name}:80")
    assert came == b"x"
    gate.now += 400.0
    gate.engine.expire(gate.now)
    assert gate.engine.state.bindings.own_name(address_of("10.0.0.8")) is None


def test_a_lease_that_nobody_uses_ends() -> None:
    gate = Dns(POOL)
    gate.tells(WWW, a("10.0.0.7"))
    gate.now += 301.0
    gate.engine.expire(gate.now)
    assert gate.engine.state.bindings.own_name(address_of("10.0.0.7")) is None


def test_half_of_a_pool_is_not_given_out_by_asking() -> None:
    gate = Dns(POOL)
    hosts = [a(f"10.0.0.{number}", f"h{number}.example.org.") for number in range(20, 30)]
    told = [gate.tells(WWW, host)[0].split()[-1] for host in hosts]
    assert sum(address.startswith("203.") for address in told) == 4
    assert told[4:] == [f"10.0.0.{number}" for number in range(24, 30)]
    assert gate.notes == {"pool-half-used": 6}
    assert gate.goes_out(b"x", "10.0.0.60:1000", f"{RESOLVER}:99") == b"x"


def test_hosts_that_share_an_address_are_told_by_that() -> None:
    forwarded = (
        OVERLOAD
        + "ip nat inside source static tcp 10.0.0.7 80 interface out0 80\n"
        + ("ip nat inside source static udp 10.0.0.5 53 interface out0 53\n")
    )
    gate = Dns(forwarded)
    gate.comes_in(query(WWW), f"{ASKING}:5000", "203.0.113.1:53")
    left = gate.goes_out(answer(query(WWW), a("10.0.0.7"), a("10.0.0.8")), f"{SERVER}:53", f"{ASKING}:5000")
    assert lines(read(left)) == [a("203.0.113.1")] * 2
    assert gate.told(WWW, a("203.0.113.1")) == [a("203.0.113.1")]


def test_which_of_several_shared_addresses_nobody_can_say() -> None:
    shared = POOL.replace("pool P\n", "pool P overload\n")
    gate = Dns(shared)
    assert gate.tells(WWW, a("10.0.0.9")) == [a("10.0.0.9")]
    assert gate.notes == {"address-shared": 1}


def test_hosts_outside_whose_addresses_overlap_get_others() -> None:
    gate = Dns(OUTSIDE_LIST)
    [told] = gate.told(WWW, a("10.0.0.5"))
    name = told.split()[-1]
    assert name.startswith("10.99.0.")
    assert gate.told("fixed.example.org.", a("192.168.7.7", "fixed.example.org.")) == (
        [a("10.98.0.7", "fixed.example.org.")]
    )
    reverse = ".".join(name.split(".")[::-1])
    assert gate.asked(f"{reverse}.in-addr.arpa", "PTR").question[0].name.to_text() == "5.0.0.10.in-addr.arpa."
    sent = gate.goes_out(b"x", f"{HOST}:1000", f"{name}:80")
    assert sent == b"x"


# What stays as it is


@pytest.mark.parametrize("config", [STATIC, POOL, OVERLOAD, OUTSIDE_LIST])
def test_what_needs_no_change_stays_as_it_came(config: str) -> None:
    gate = Dns(config)
    messages = [
        query(WWW),
        query(WWW, edns=True),
        answer(query(WWW), a("198.51.100.9")),
        answer(query("9.100.51.198.in-addr.arpa", "PTR"), f"9.100.51.198.in-addr.arpa. 1 IN PTR {WWW}"),
        answer(query(WWW, "AAAA"), f"{WWW} 300 IN AAAA 2001:db8::1"),
        answer(
            query(WWW, "TXT"), f'{WWW} 300 IN TXT "\\000\\001\\000\\001\\000\\000\\000\\000\\000\\004\\203\\000q\\005"'
        ),
    ]
    for said in messages:
        data = said.to_wire()
        assert translated(gate, data, _OUT) == data
        assert translated(gate, data, _IN) == data
        framed = len(data).to_bytes(2, "big") + data
        assert translated(gate, framed, _IN, tcp=True) == framed


def test_what_only_looks_like_an_address_stays() -> None:
    gate = Dns(STATIC)
    said = answer(
        query(WWW, "TXT"), f'{WWW} 300 IN TXT "\\000\\001\\000\\001\\000\\000\\000\\000\\000\\004\\010\\000\\000\\005"'
    )
    data = said.to_wire()
    assert bytes([0, 4, 10, 0, 0, 5]) in data
    assert translated(gate, data, _OUT) == data
    chaos = answer(query(WWW), a(SERVER)).to_wire()
    chaos = chaos.replace(b"\0\1\0\1\0\0\1\x2c", b"\0\1\0\3\0\0\1\x2c")
    assert translated(gate, chaos, _OUT) == chaos


def test_what_is_no_dns_is_passed() -> None:
    gate = Dns(STATIC)
    assert gate.goes_out(b"hello") == b"hello"
    assert gate.notes == {"not-dns": 1}
    assert gate.goes_out(answer(query(WWW), a(SERVER))) != b""
    assert gate.notes == {"not-dns": 1}  # its flow is not looked into again


# Time to live


RESET = STATIC + "ip nat service dns-reset-ttl\n"


def test_translated_answers_are_not_to_be_kept_if_told_so() -> None:
    records = [f"{WWW} 60 IN CNAME web.example.org.", a(SERVER, "web.example.org."), a("192.0.2.1", "web.example.org.")]
    more: dict[str, list[str]] = {
        "authority": ["example.org. 300 IN NS ns.example.org."],
        "additional": [a(SERVER, "ns.example.org.")],
    }
    assert Dns(STATIC).tells(WWW, *records, **more)[0] == f"{WWW} 60 IN CNAME web.example.org."
    gate = Dns(RESET)
    assert gate.tells(WWW, *records, **more) == [
        f"{WWW} 0 IN CNAME web.example.org.",
        a("203.0.113.5", "web.example.org.", 0),
        a("192.0.2.1", "web.example.org.", 0),
    ]
    left = read(gate.goes_out(answer(query(WWW), *records, **more), f"{SERVER}:53", f"{ASKING}:5000"))
    assert lines(left, "authority") == ["example.org. 300 IN NS ns.example.org."]
    assert lines(left, "additional") == [a("203.0.113.5", "ns.example.org.", 0)]
    assert gate.tells(WWW, a("192.0.2.1")) == [a("192.0.2.1")]


# Signatures


SIGNED = f"{WWW} 300 IN RRSIG A 13 3 300 20300101000000 20200101000000 1 example.org. c2lnbmVk"


def test_signed_answers_stay_as_they_are() -> None:
    gate = Dns(STATIC)
    assert gate.tells(WWW, a(SERVER), SIGNED) == [a(SERVER), SIGNED]
    assert gate.notes == {"signed": 1}
    assert gate.tells(WWW, a("192.0.2.1"), SIGNED) == [a("192.0.2.1"), SIGNED]
    assert gate.notes == {"signed": 1}


@pytest.mark.parametrize(("asks", "vouches", "stays"), [(True, True, True), (True, False, False), (False, True, False)])
def test_answers_that_a_server_vouches_for(asks: bool, vouches: bool, stays: bool) -> None:  # noqa: FBT001
    gate = Dns(STATIC)
    question = dns.message.make_query(WWW, "A", want_dnssec=asks, use_edns=0)
    said = answer(question, a(SERVER))
    said.ednsflags = dns.flags.DO if asks else 0
    said.flags |= dns.flags.AD if vouches else 0
    assert (lines(read(translated(gate, said.to_wire(), _OUT))) == [a(SERVER)]) == stays


def keyed(message: dns.message.Message) -> bytes:
    message.use_tsig(dns.tsig.Key("key.", b"secret"))
    return message.to_wire()


def test_messages_with_a_key_stay_as_they_are() -> None:
    gate = Dns(STATIC)
    update = dns.update.UpdateMessage("example.org")
    update.add("host", 300, "A", SERVER)
    assert lines(read(translated(gate, update.to_wire(), _OUT)), "authority") == [a("203.0.113.5", "host.example.org.")]
    data = keyed(update)
    assert translated(gate, data, _OUT) == data
    assert gate.notes == {"signed": 1}


def test_a_transfer_with_a_key_stays_as_it_is_to_its_end() -> None:
    """The messages in between have no record that says so (RFC 8945, section 5.3.1)."""
    gate = Dns(STATIC)
    ask = keyed(dns.message.make_query("example.org", "AXFR"))
    part = answer(query(WWW), a("203.0.113.5")).to_wire()
    framed = len(part).to_bytes(2, "big") + part
    assert lines(read(translated(gate, framed, _IN, tcp=True)[2:])) == [a(SERVER)]
    translated(gate, len(ask).to_bytes(2, "big") + ask, _OUT, tcp=True)
    assert translated(gate, framed, _IN, tcp=True) == framed
    assert lines(read(translated(gate, part, _IN))) == [a(SERVER)]  # over UDP each says so itself


def test_an_update_takes_away_what_it_added() -> None:
    gate = Dns(STATIC)
    update = dns.update.UpdateMessage("example.org")
    update.delete("host", "A", SERVER)
    update.present("host", "A")
    left = read(translated(gate, update.to_wire(), _OUT))
    assert lines(left, "authority") == ["host.example.org. 0 NONE A 203.0.113.5"]


# What cannot be read


BROKEN = answer(query(WWW), a(SERVER)).to_wire()[:6] + b"\0\2" + answer(query(WWW), a(SERVER)).to_wire()[8:]


def test_what_cannot_be_read_is_dropped_or_passed_as_it_came() -> None:
    gate = Dns(STATIC)
    assert gate.goes_out(BROKEN, f"{SERVER}:53", f"{ASKING}:5000") == b""
    assert gate.reason == "dns: dns-cut-short"
    passing = Dns(STATIC + "ip nat service dns malformed pass\n")
    assert passing.goes_out(BROKEN, f"{SERVER}:53", f"{ASKING}:5000") == BROKEN
    assert passing.notes == {"passed-as-it-came": 1}
    harmless = BROKEN.replace(address_of(SERVER), address_of("192.0.2.1"))
    assert gate.goes_out(harmless, f"{SERVER}:53", f"{ASKING}:5000") == harmless  # there is nothing to be done


# Round trips


SHARED = Dns(STATIC)
"""Nothing that messages do to it here is remembered."""


@given(responses(names=whole_names))
def test_what_the_outside_must_have_sent_arrives_as_it_was(said: dns.message.Message) -> None:
    data = said.to_wire()
    arrived = translated(SHARED, data, _IN)
    again = translated(SHARED, as_sent(SHARED, arrived), _IN)
    assert read(again).to_text() == read(arrived).to_text()  # two names that went apart are not put together again
    over_tcp = translated(SHARED, len(data).to_bytes(2, "big") + data, _IN, tcp=True)
    assert over_tcp == len(arrived).to_bytes(2, "big") + arrived
    assert as_sent(SHARED, over_tcp, tcp=True)[2:] == as_sent(SHARED, arrived)


@given(responses())
def test_nothing_private_is_left_that_has_a_name(said: dns.message.Message) -> None:
    text = read(translated(SHARED, said.to_wire(), _OUT)).to_text().lower()
    assert f" a {SERVER}\n" not in text + "\n"
    assert "5.0.0.10.in-addr" not in text.replace("\\007in-addr", "")


# Statics with no-payload


LEFT = (
    STATIC.replace("203.0.113.5\n", "203.0.113.5 no-payload\n") + "ip nat inside source static 10.0.0.6 203.0.113.6\n"
)


def test_hosts_whose_addresses_stay() -> None:
    gate = Dns(LEFT)
    assert gate.told(WWW, a("203.0.113.5"), a("203.0.113.6")) == [a("203.0.113.5"), a("10.0.0.6")]
    assert gate.asked("5.0.0.10.in-addr.arpa", "PTR").question[0].name.to_text() == "5.0.0.10.in-addr.arpa."
    assert gate.tells(WWW, a("10.0.0.6")) == [a("10.0.0.6")]  # it says so itself
    assert gate.engine.inspector.messages["dns"] == {"query": 2, "NOERROR": 1}
    other = "ip nat outside source static 192.168.7.7 10.98.0.7 add-route"
    assert Dns(f"{OVERLOAD}{other}\n").told(WWW, a("192.168.7.7")) == [a("10.98.0.7")]
    assert Dns(f"{OVERLOAD}{other} no-payload\n").told(WWW, a("192.168.7.7")) == [a("192.168.7.7")]


def test_what_is_sent_to_an_outside_host_whose_messages_stay() -> None:
    rules = STATIC + f"ip nat outside source static {RESOLVER} 10.98.0.53 add-route no-payload\n"
    gate = Dns(rules)
    asked = gate.goes_out(query("5.0.0.10.in-addr.arpa", "PTR"), receiver="10.98.0.53:53")
    assert read(asked).question[0].name.to_text() == "5.0.0.10.in-addr.arpa."
    assert lines(read(gate.comes_in(answer(query(WWW), a("203.0.113.5"))))) == [a("203.0.113.5")]


def test_a_port_whose_messages_stay() -> None:
    forwarded = OVERLOAD + f"ip nat inside source static udp {SERVER} 53 interface out0 53 no-payload\n"
    gate = Dns(forwarded)
    gate.comes_in(query(WWW), f"{ASKING}:5000", "203.0.113.1:53")
    left = gate.goes_out(answer(query(WWW), a(SERVER)), f"{SERVER}:53", f"{ASKING}:5000")
    assert lines(read(left)) == [a(SERVER)]
