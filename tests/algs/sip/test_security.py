"""What an attacker sends: nothing opens, nothing is left behind, and no message takes more than linear time."""

import subprocess
import sys
import tracemalloc

import pytest

from doorman.engine.results import Fate
from kit.sip import (
    GLOBAL,
    OTHER_PHONE,
    OVERLOAD,
    PEER,
    PHONE,
    POOL,
    STATIC,
    STRANGER,
    Gateway,
    answer,
    incoming,
    request,
    sdp,
    sip,
)

REGISTER = sip(
    "REGISTER sip:198.51.100.20 SIP/2.0", "Via: SIP/2.0/UDP 10.0.0.10:5060", "i: x", "CSeq: 1 REGISTER",
    "Contact: <sip:a@10.0.0.10:3306>",
)  # fmt: skip

MANY_VALUES = "ip nat service sip quota values 4096\n"
"""So that other bounds are met first."""


class TestSlipstreaming:
    """A browser inside is made to send bytes of the attacker's choice to UDP port 5060."""

    @pytest.mark.parametrize(
        "data",
        [
            b"POST / HTTP/1.1\r\nContent-Length: 500\r\n\r\n" + REGISTER, b"GET / HTTP/1.1\r\n" + REGISTER,
            b"A" * 1400 + REGISTER, b"--boundary\r\n\r\n" + REGISTER, b"\x16\x03\x01" + REGISTER, b" " + REGISTER,
            b"\r\n.\r\n" + REGISTER, b"\x00\x01\x00\x00" + REGISTER,
        ],
    )  # fmt: skip
    def test_a_message_within_something_else(self, data: bytes) -> None:
        gateway = Gateway()
        assert gateway.out(data).data == data
        assert gateway.doors == []
        assert gateway.notes("not-sip") == 1
        # From here on the flow is plain: even a whole message is not looked into.
        assert gateway.out(REGISTER).data == REGISTER
        assert gateway.doors == []

    @pytest.mark.parametrize("data", [request("OPTIONS"), b"SIP/2.0 200 OK\r\nCall-ID: x\r\n\r\n"])
    def test_a_port_that_is_not_served(self, data: bytes) -> None:
        """Nothing is translated there; whoever looks for the reason finds a note, once for each flow."""
        gateway = Gateway()
        for _ in range(3):
            assert gateway.out(data, "10.0.0.10:6000", "198.51.100.20:5070").data == data
        gateway.out(b"something else", "10.0.0.10:6002", "198.51.100.20:5070")
        assert gateway.notes("sip-on-another-port") == 1

    def test_a_flow_that_has_spoken_goes_on(self) -> None:
        """One datagram with other bytes must not cut off a phone."""
        gateway = Gateway()
        gateway.out(request("OPTIONS"))
        gateway.out(b"not a word of SIP in here")
        assert "203.0.113.1" in gateway.out(request("REGISTER")).text

    def test_the_rest_of_a_message(self) -> None:
        for cut in (1, 20, len(REGISTER) // 2):
            gateway = Gateway()
            gateway.out(REGISTER[cut:])
            assert gateway.doors == []

    def test_a_whole_message_opens_no_service(self) -> None:
        gateway = Gateway()
        assert gateway.out(REGISTER).fate == Fate.FORWARDED
        assert [door.leads_to.port for door in gateway.doors] == [5060]

    @pytest.mark.parametrize("port", [21, 22, 23, 25, 80, 139, 443, 445, 515, 631, 1434, 1900])
    def test_services_are_not_announced_as_media(self, port: int) -> None:
        gateway = Gateway()
        assert gateway.out(request(body=sdp(port=port))).fate == Fate.DROPPED
        assert gateway.doors == []

    @pytest.mark.parametrize("host", ["10.0.0.50", "10.0.0.1"])
    def test_third_hosts_are_not_announced(self, host: str) -> None:
        gateway = Gateway()
        dropped = gateway.out(request(body=sdp(host, 4000)))
        assert (dropped.fate, dropped.reason) == (Fate.DROPPED, "sip: third-party-address")
        assert gateway.doors == []

    def test_nobody_outside_opens_anything(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        before = gateway.media_doors(), gateway.signalling_doors(), gateway.bindings()
        for host in ("10.0.0.10", "10.0.0.50", GLOBAL, "198.51.100.20"):
            gateway.in_(incoming(body=sdp(host, 8000), call_id=host), STRANGER)
            gateway.in_(
                sip("SIP/2.0 200 OK", f"i: {host}", "CSeq: 1 INVITE", "c: application/sdp", body=sdp(host, 8000))
            )
        assert (gateway.media_doors(), gateway.signalling_doors(), gateway.bindings()) == before

    def test_somebody_else_does_not_answer_a_call(self) -> None:
        """A 200 of a stranger moves the doors of no call: it does not even get in where no Contact lets it."""
        gateway = Gateway()
        gateway.out(request(body=sdp()).replace(b"Contact", b"X"))
        before = gateway.media_doors()
        assert gateway.in_(answer(200, body=sdp("192.0.2.66", 7000)), STRANGER).fate == Fate.DROPPED
        assert gateway.media_doors() == before


class TestSmuggling:
    @pytest.mark.parametrize(
        "headers",
        [
            ["Content-Length: 0", "Content-Length: 87"], ["l: 87", "Content-Length: 87"], ["Content-Length: 87, 87"],
            ["Content-Length: -1"], ["Content-Length: 87 0"], ["Content-Length: 0x57"], ["Content-Length: 99999"],
        ],
    )  # fmt: skip
    def test_two_meanings_of_a_length(self, headers: list[str]) -> None:
        gateway = Gateway()
        data = sip(
            "INVITE sip:b@c SIP/2.0", "i: x", "CSeq: 1 INVITE", *headers, "c: application/sdp", body=sdp(), length=None
        )
        assert gateway.out(data).fate == Fate.DROPPED
        assert gateway.doors == []

    @pytest.mark.parametrize(
        "data", [request().replace(b"Call-ID: one\r\n", b""), request().replace(b"CSeq: 1 ", b"CSeq: ")]
    )
    def test_a_dropped_message_changes_nothing(self, data: bytes) -> None:
        gateway = Gateway()
        assert gateway.out(data).fate == Fate.DROPPED
        assert (gateway.doors, gateway.bindings(), list(gateway.sip.calls)) == ([], [], [])

    def test_unknown_methods(self) -> None:
        gateway = Gateway()
        dropped = gateway.out(request("INVENT", body=sdp()))
        assert (dropped.fate, dropped.reason) == (Fate.DROPPED, "sip: unknown-method")
        assert gateway.doors == []


class TestLimits:
    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (sip("OPTIONS sip:b@c SIP/2.0", "i: x", *["X: y"] * 300), "too-many-headers"),
            (request(body=sdp() + "\nm=audio 4000 RTP/AVP 0" * 12), "too-many-media-lines"),
            (request(body=sdp() + "\na=candidate:1 1 UDP 1 10.0.0.10 4000 typ host" * 129), "too-many-candidates"),
            (request(body=sdp().replace("4000", "4000/9999")), "too-many-ports"),
            (sip("INFO sip:b@c SIP/2.0", "i: x", "c: multipart/x;boundary=x", body=b"--x\r\n\r\na\r\n" * 300),
             "too-many-parts"),
        ],
        ids=["headers", "media", "candidates", "ports", "parts"],
    )  # fmt: skip
    def test_too_many(self, data: bytes, reason: str) -> None:
        gateway = Gateway()
        dropped = gateway.out(data)
        assert (dropped.fate, dropped.reason) == (Fate.DROPPED, f"sip: {reason}")
        assert (gateway.doors, gateway.bindings()) == ([], [])

    def test_the_longest_message_may_grow(self) -> None:
        gateway = Gateway()
        long = request("INVITE", f"X: {'y' * (65_000 - len(request('INVITE', 'X: ')))}")
        sent = gateway.out(long)
        assert (len(long), sent.fate) == (65_000, Fate.FORWARDED)
        assert 65_000 < len(sent.data) < 65_100

    @pytest.mark.parametrize(("config", "name"), [(STATIC, "203.0.113.100"), (POOL, "203.0.113.10")])
    def test_too_many_ports_of_a_host_that_writes_its_name_outside(self, config: str, name: str) -> None:
        """Every port of it has a name already: ten thousand flows would take the gateway ten seconds."""
        gateway = Gateway(config)
        gateway.out(request("OPTIONS"))
        announced = sdp(name, 20_000).replace("20000", "20000/9999")
        assert gateway.out(request(body=announced)).reason == "sip: too-many-ports"
        assert gateway.media_doors() == []
        assert len(gateway.bindings()) == 1

    def test_a_message_that_would_not_fit_into_a_datagram(self) -> None:
        """It is refused before anything is written down: sent again and shorter, it opens its doors."""
        gateway = Gateway()
        room = 65_500 - len(request("INVITE", "X: "))
        long = request("INVITE", f"X: {'y' * room}")
        assert gateway.out(long).reason == "sip: message-too-long"
        assert (gateway.doors, gateway.bindings(), len(gateway.sip.calls)) == ([], [], 0)
        assert gateway.out(request()).fate == Fate.FORWARDED
        assert gateway.signalling_doors() != []

    def test_dialogs(self) -> None:
        gateway = Gateway()
        gateway.out(request())
        for tag in range(100):
            gateway.in_(answer(183).replace(b"tag=b", b"tag=%d" % tag))
        assert len(gateway.call("one").dialogs or {}) == 32

    def test_aliases(self) -> None:
        gateway = Gateway(OVERLOAD + MANY_VALUES)
        names = ", ".join(f"<sip:{number}@10.0.0.50>" for number in range(2000))
        gateway.out(request("INVITE", f"P-Asserted-Identity: {names}"))
        assert len(gateway.call("one").aliases or {}) <= 256

    def test_names_given_out_for_one_message(self) -> None:
        """Two thousand ports of one host, or of others, must not be taken by one datagram."""
        gateway = Gateway()
        contacts = ", ".join(f"<sip:10.0.0.10:{port}>" for port in range(20_000, 22_000))
        gateway.out(request("OPTIONS", f"Contact: {contacts}"))
        assert len(gateway.bindings()) <= 64

    def test_memory_of_long_values(self) -> None:
        """What is remembered of earlier messages is bounded in bytes, not only in number."""
        gateway = Gateway(OVERLOAD + MANY_VALUES)
        gateway.out(request("REGISTER"))
        tracemalloc.start()
        try:
            for number in range(40):
                filler = f"{number}" * 4000
                uris = ", ".join(f"<sip:{number}.example:{port}>" for port in range(1000, 1800))
                vias = ", ".join(f"SIP/2.0/UDP {number}.example:{port};received=a" for port in range(1000, 1200))
                data = incoming("OPTIONS", f"Contact: {uris}", f"m: <sip:{filler}>", f"Via: {vias}", f"X{filler}: y")
                assert gateway.in_(data, STRANGER).fate == Fate.FORWARDED
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert kept < 2_000_000


LONG = 60_000
"""About the longest datagram there is."""

WORST = {
    # what stands again and again, where
    "request line of blanks": ("start", " "),
    "request line of words": ("start", "a "),
    "request line of tabs and versions": ("start", " SIP/2.0\t"),
    "start line that is none": ("start", "SIP/"),
    **{
        f"{name}: {text!r}": (name, text)
        for name in ("From", "Contact", "Via", "Expires", "CSeq", "Content-Type", "X")
        for text in (
            '"', '\\"', '"\\', "\\", "<", "<sip:", "<sip:a;", "sip:", "sip:=", "=sip:", "sip:a;", "sip:a,", "sip:a@",
            "@", ":", ";", ";;",
            " ", "\t", "\r\n ", "SIP/2.0/UDP ", "SIP/2.0/", "SIP / ", "sip:a;transport = ", ";received",
            ";received=a", ";maddr=",
            ";tag=", "; ", ";expires=", ";boundary=", ';boundary="', "a", "[", "<sip:[::1", "1", "sip",
            "<sip:a:b@c:1;maddr=d>,", "a@b,",
            ';boundary="a', "\xff",
        )
    },
    **{
        f"SDP {text!r}": ("sdp", text)
        for text in (
            "\r\n", "c=", "c=\r\n", "c=IN IP4 \r\n", " ", "m=", "m=audio ", "a=candidate:", "a=candidate:1 1 UDP 1 ",
            "a=rtcp:1\r\n", "\r",
            "a=path:", "a=path:msrp://\r\n", " msrp://", "msrp://a@", "a=path:msrp://a@b:1\r\n", "a=remote-candidates:",
            "a=remote-candidates:1 h 1\r\n", "1 h 1 ", "a=setup:", "a=setup:active\r\n",
            "a=candidate:1 1 UDP 1 h 1 raddr \r\n", " raddr ", "o= \r\n", "a=", "a=rtcp-mux ", "1",
        )
    },
    **{
        f"parts {text!r}": ("parts", text)
        for text in ("--x", "--x\r\n",
                      "\r\n", "--x--\r\n", "-", "c:", "c: a\r\n", "c: \r\n ", "--x\r\nc:multipart/x;boundary=x\r\n\r\n")
    },
    "headers": ("headers", "a:b\r\n"),
    "names": ("headers", "From: sip:a@b\r\n"),
    "folds": ("headers", " \r\n"),
    "line feeds": ("headers", "\n \n"),
    "blank lines": ("before", "\r\n"),
    "carriage returns": ("headers", "\r"),
}  # fmt: skip


def worst(place: str, text: str, length: int = LONG) -> bytes:
    """A message in which a text stands as often as there is room."""
    filler = text * (length // len(text))
    if place == "start":
        return f"INVITE {filler}\r\nCall-ID: x\r\n\r\n".encode("latin-1")
    if place == "before":
        return filler.encode() + request()
    if place == "headers":
        return f"INVITE sip:b@c SIP/2.0\r\nCall-ID: x\r\n{filler}\r\n".encode("latin-1")
    if place == "sdp":
        return request(body=f"v=0\r\nm=audio 4000 RTP/AVP 0\r\n{filler}".encode("latin-1"))
    if place == "parts":
        return sip("INVITE sip:b@c SIP/2.0", "i: x", "c: multipart/mixed;boundary=x", body=filler.encode("latin-1"))
    headers = ["Call-ID: x", f"{name_before(place)}{place}: {filler}"]
    return sip("INVITE sip:b@c SIP/2.0", *headers, body=sdp()) if place != "X" else sip("BYE sip:b@c SIP/2.0", *headers)


def name_before(place: str) -> str:
    """Something regular before the long value, where the header may come twice."""
    return "Via: SIP/2.0/UDP 10.0.0.10:5060\r\n" if place == "Via" else ""


def run_the_worst() -> None:
    """Send every worst case in both directions; no internal error may come of any."""
    for name, (place, text) in WORST.items():
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        data = worst(place, text)
        outcomes = [gateway.out(data, PHONE, PEER), gateway.in_(data, PEER, GLOBAL + ":5060")]
        assert not any("internal-error" in outcome.reason for outcome in outcomes), (name, outcomes[0].reason)
        gateway.out(request("OPTIONS"), OTHER_PHONE, PEER)
        gateway.learned(data, PEER, PHONE)


def test_the_worst_cases_end_soon() -> None:
    """Linear, they take a second or two together; one that is quadratic in 60 kB takes about as long as the limit."""
    code = f"import runpy; runpy.run_path({__file__!r})['run_the_worst']()"
    search = [entry for entry in sys.path if entry]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {search!r}; {code}"],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
