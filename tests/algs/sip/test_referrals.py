"""REFER (RFC 3515): who a call is transferred to must be reachable by whom it is given to, and by nobody else."""

import pytest

from doorman.engine.results import Fate
from kit.sip import (
    GLOBAL,
    NO_NAT,
    OTHER_PHONE,
    OVERLOAD,
    PEER,
    STATIC,
    STRANGER,
    Gateway,
    answer,
    incoming,
    request,
    sdp,
    sip,
)

REPLACES = "Replaces=425928%4010.0.0.11%3Bto-tag%3D7743%3Bfrom-tag%3D6472"
THIRD = "10.0.0.11:5060"


def refer(third: str, *more: str, call_id: str = "one") -> bytes:
    """The phone asks the peer to call somebody."""
    return request("REFER", f"Refer-To: {third}", "Referred-By: <sip:alice@10.0.0.10>", *more, call_id=call_id)


def name_in(refer_to: str) -> str:
    """The endpoint in a Refer-To."""
    return refer_to.partition("@")[2].partition("?")[0].rstrip(">")


def invite(name: str, call_id: str = "new") -> bytes:
    """The call that follows."""
    lines = [f"Via: SIP/2.0/UDP {PEER};branch=z9hG4bK2", f"Call-ID: {call_id}", "CSeq: 1 INVITE"]
    return sip(f"INVITE sip:carol@{name} SIP/2.0", *lines, "Contact: <sip:bob@198.51.100.20>")


class TestBlind:
    def test_a_private_third_party_gets_an_address(self) -> None:
        """Seed 003: a new address and port for user C, so that user C can be contacted by user B."""
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        sent = gateway.out(refer(f"<sip:carol@{THIRD}>"))
        name = name_in(sent.line("Refer-To"))
        assert sent.line("Refer-To") == f"<sip:carol@{name}>"
        assert sent.line("Referred-By") == f"<sip:alice@{GLOBAL}>"
        assert name != sent.source
        assert f"{THIRD}>{name}" in gateway.bindings()
        received = gateway.in_(invite(name), PEER, name)
        assert received.target == THIRD
        assert received.text.startswith(f"INVITE sip:carol@{THIRD} SIP/2.0\r\n")
        ringing = sip("SIP/2.0 180 Ringing", *received.text.splitlines()[1:4], f"Contact: <sip:carol@{THIRD}>")
        assert gateway.out(ringing, THIRD).line("Contact") == f"<sip:carol@{name}>"

    def test_without_a_port(self) -> None:
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        sent = gateway.out(refer("sip:carol@10.0.0.11"))
        assert gateway.in_(invite(name_in(sent.line("Refer-To"))), PEER, name_in(sent.line("Refer-To"))).target == THIRD

    def test_nobody_else_may_come(self) -> None:
        gateway = Gateway()
        name = name_in(gateway.out(refer(f"<sip:carol@{THIRD}>")).line("Refer-To"))
        assert gateway.in_(invite(name), STRANGER, name).reason == "no-session-or-door"

    def test_only_as_long_as_the_call_is_remembered(self) -> None:
        gateway = Gateway()
        name = name_in(gateway.out(refer(f"<sip:carol@{THIRD}>")).line("Refer-To"))
        gateway.wait(34)
        assert gateway.in_(invite(name), PEER, name).fate == Fate.DROPPED
        gateway.wait(400)
        gateway.wait(400)
        assert gateway.bindings() == []

    @pytest.mark.parametrize("port", [22, 3306, 8080, 5070])
    def test_only_where_signalling_is_served(self, port: int) -> None:
        """Else a REFER would open any service of any inside host."""
        gateway = Gateway()
        sent = gateway.out(refer(f"<sip:x@10.0.0.11:{port}>"))
        assert sent.line("Refer-To") == f"<sip:x@10.0.0.11:{port}>"
        assert gateway.notes("third-party-address") == 1
        assert not any("10.0.0.11" in binding for binding in gateway.bindings())
        served = Gateway(OVERLOAD + "ip nat service sip udp port 5070\n")
        assert (GLOBAL in served.out(refer(f"<sip:x@10.0.0.11:{port}>")).line("Refer-To")) == (port == 5070)

    @pytest.mark.parametrize("method", ["INVITE", "NOTIFY", "OPTIONS"])
    def test_only_by_a_refer(self, method: str) -> None:
        gateway = Gateway()
        sent = gateway.out(request(method, f"Refer-To: <sip:carol@{THIRD}>", f"Contact: <sip:carol@{THIRD}>"))
        assert sent.line("Refer-To") == f"<sip:carol@{THIRD}>"
        response = gateway.out(answer(202, f"Refer-To: <sip:carol@{THIRD}>", method="REFER"))
        assert response.line("Refer-To") == f"<sip:carol@{THIRD}>"
        assert not any("10.0.0.11" in binding for binding in gateway.bindings())

    def test_nor_by_the_outside(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        back = gateway.in_(incoming("REFER", f"Refer-To: <sip:carol@{THIRD}>"))
        assert back.line("Refer-To") == f"<sip:carol@{THIRD}>"
        assert not any("10.0.0.11" in binding for binding in gateway.bindings())

    def test_not_the_gateway_itself(self) -> None:
        """Its own inside address lies among those that are translated."""
        gateway = Gateway()
        assert gateway.out(refer("<sip:x@10.0.0.1>")).line("Refer-To") == "<sip:x@10.0.0.1>"
        assert gateway.notes("third-party-address") == 1
        assert not any(binding.startswith("10.0.0.1:") for binding in gateway.bindings())

    def test_one_at_a_time(self) -> None:
        """RFC 3515, section 2.4.2: a REFER has exactly one Refer-To value."""
        gateway = Gateway()
        third = ", ".join(f"<sip:x@10.0.0.{host}>" for host in range(20, 60))
        sent = gateway.out(refer(third, "Refer-To: <sip:x@10.0.0.99>"))
        assert "\n".join(sent.lines("Refer-To")).count(GLOBAL) == 1
        assert gateway.notes("third-party-address") < 40

    def test_not_for_everybody_at_once(self) -> None:
        """A host may introduce 16 others until its calls are forgotten."""
        gateway = Gateway()
        names = [
            gateway.out(refer(f"<sip:x@10.0.0.{20 + n}>", call_id=str(n)))
            .line("Refer-To")
            .startswith(f"<sip:x@{GLOBAL}")
            for n in range(20)
        ]
        assert names == [True] * 16 + [False] * 4
        gateway.wait(34)
        assert GLOBAL in gateway.out(refer("<sip:x@10.0.0.99>", call_id="later")).line("Refer-To")


class TestRegistered:
    def test_its_binding_is_used(self) -> None:
        """Seed 003: if user C is registered, its port mapping is reused."""
        gateway = Gateway()
        registered = gateway.out(request("REGISTER", host="10.0.0.11", call_id="r"), OTHER_PHONE)
        sent = gateway.out(refer(f"<sip:carol@{THIRD}>"))
        assert name_in(sent.line("Refer-To")) == registered.source
        assert gateway.in_(invite(registered.source), PEER, registered.source).target == OTHER_PHONE

    def test_at_any_port(self) -> None:
        gateway = Gateway()
        gateway.out(
            request("REGISTER", host="10.0.0.11", call_id="r").replace(b"10.0.0.11:5060", b"10.0.0.11:5070"),
            "10.0.0.11:5070",
        )
        sent = gateway.out(refer("<sip:carol@10.0.0.11:5070>"))
        assert sent.line("Refer-To") == f"<sip:carol@{GLOBAL}:5070>"

    def test_a_static_name(self) -> None:
        sent = Gateway(OVERLOAD + STATIC.splitlines()[-1]).out(
            request("REFER", "Refer-To: <sip:alice@10.0.0.10:5060>", host="10.0.0.11"), OTHER_PHONE
        )
        assert sent.line("Refer-To") == "<sip:alice@203.0.113.100:5060>"

    def test_the_outside_refers_by_the_name_it_knows(self) -> None:
        gateway = Gateway()
        name = gateway.out(request("REGISTER", host="10.0.0.11", call_id="r"), OTHER_PHONE).source
        phone = gateway.out(request("REGISTER")).source
        back = gateway.in_(incoming("REFER", f"Refer-To: <sip:carol@{name}>"), PEER, phone)
        assert back.line("Refer-To") == f"<sip:carol@{THIRD}>"


class TestAttended:
    @pytest.mark.parametrize("form", ["<sip:carol@{}?{}>", "<sip:carol@{}?{}>;x=1", '"Carol" <sip:carol@{}?{}&x=y>'])
    def test_replaces_names_a_dialog_and_stays(self, form: str) -> None:
        gateway = Gateway()
        sent = gateway.out(refer(form.format(THIRD, REPLACES)))
        name = next(binding.partition(">")[2] for binding in gateway.bindings() if binding.startswith(THIRD))
        assert sent.line("Refer-To") == form.format(name, REPLACES)

    @pytest.mark.parametrize(
        "headers",
        ["Replaces=sip:a@10.0.0.10", "Call-ID=1@10.0.0.10", "Replaces=x;maddr=10.0.0.10", "a=%3Csip:b@10.0.0.10%3E",
         "Route=sip:10.0.0.10"],
    )  # fmt: skip
    @pytest.mark.parametrize("parameters", ["", ";transport=udp", ";maddr=198.51.100.7"])
    def test_headers_within_a_uri_are_another_messages(self, parameters: str, headers: str) -> None:
        value = f"<sip:bob@198.51.100.20{parameters}?{headers}>"
        assert Gateway().out(refer(value)).line("Refer-To") == value

    def test_the_transferee_tells_how_it_went(self) -> None:
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)))
        name = name_in(gateway.out(refer(f"<sip:carol@{THIRD}?{REPLACES}>")).line("Refer-To"))
        fragment = f"SIP/2.0 200 OK\r\nTo: <sip:carol@{name}>;tag=1\r\n".encode()
        lines = ["Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bK9", "Call-ID: one", "CSeq: 1 NOTIFY",
                 "To: <sip:alice@203.0.113.1>;tag=a", "From: <sip:bob@198.51.100.20>;tag=b",
                 "Subscription-State: terminated;reason=noresource"]  # fmt: skip
        notified = gateway.in_(
            sip(f"NOTIFY sip:alice@{GLOBAL}:5060 SIP/2.0", *lines, "c: message/sipfrag;version=2.0", body=fragment)
        )
        assert notified.data.endswith(f"\r\n\r\nSIP/2.0 200 OK\r\nTo: <sip:carol@{THIRD}>;tag=1\r\n".encode())

    def test_replaces_of_a_request_stays(self) -> None:
        lines = ["Replaces: 1@10.0.0.10;to-tag=10.0.0.10;from-tag=x", "Target-Dialog: 1@10.0.0.10;local-tag=10.0.0.10",
                 "Join: 1@10.0.0.10", "In-Reply-To: 1@10.0.0.10"]  # fmt: skip
        sent = Gateway().out(request("INVITE", *lines))
        assert [line for line in sent.text.splitlines() if line in lines] == lines


def test_nothing_where_nothing_is_translated() -> None:
    gateway = Gateway(NO_NAT)
    data = refer(f"<sip:carol@{THIRD}?{REPLACES}>")
    assert gateway.out(data).data == data
    assert gateway.doors == []
