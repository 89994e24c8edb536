"""Messages that are unknown, unreadable, too large, or over a quota: dropped by name, or passed as they came."""

import pytest

from doorman.algs.api import Note
from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.results import Fate, Side
from kit.dialogs import ANSWER, connected, within
from kit.packets import endpoint
from kit.sip import GLOBAL, OVERLOAD, PEER, STRANGER, Gateway, Passage, answer, incoming, request, sdp, sip

UNKNOWN = request("INVENT", body=sdp())
UNREADABLE = request(body=sdp()).replace(b"Call-ID: one", b"X: y")
NO_NAT = OVERLOAD.replace("ip nat inside source list 1 interface out0 overload\n", "")


def said(line: str, config: str = OVERLOAD) -> Gateway:
    return Gateway(f"{config}ip nat service sip {line}\n" if line else config)


def is_untouched(passed: Passage, data: bytes) -> bool:
    return passed.fate in {Fate.FORWARDED, Fate.PASSED} and passed.data == data


class TestUnknownMethods:
    @pytest.mark.parametrize("line", ["", "unknown-message drop"])
    def test_are_dropped(self, line: str) -> None:
        gateway = said(line)
        assert gateway.out(UNKNOWN).reason == "sip: unknown-method"
        assert gateway.engine.drops == {"sip: unknown-method": 1}
        assert gateway.notes("unknown-method") == 1
        assert gateway.engine.inspector.messages["sip"] == {"unknown": 1}

    @pytest.mark.parametrize(
        ("policy", "with_nat", "without"),
        [
            ("permit", True, True),
            ("permit nat-applied", True, False),
            ("permit routed", False, True),
            ("drop", False, False),
        ],
    )
    def test_pass_where_the_configuration_says(self, policy: str, with_nat: bool, without: bool) -> None:  # noqa: FBT001
        for config, passes in ((OVERLOAD, with_nat), (NO_NAT, without)):
            gateway = said(f"unknown-message {policy}", config)
            assert is_untouched(gateway.out(UNKNOWN), UNKNOWN) == passes
            assert gateway.notes("passed-as-it-came") == passes
            assert gateway.engine.drops.total() == (not passes)

    def test_open_nothing(self) -> None:
        gateway = said("unknown-message permit")
        gateway.out(UNKNOWN)
        assert (gateway.doors, len(gateway.sip.calls)) == ([], 0)

    def test_are_inspected_no_less_afterwards(self) -> None:
        gateway = said("unknown-message permit")
        gateway.out(UNKNOWN)
        assert GLOBAL in gateway.out(request(body=sdp())).text

    def test_from_outside(self) -> None:
        gateway = said("unknown-message permit nat-applied")
        gateway.out(request("REGISTER", call_id="r"))
        strange = incoming("INVENT")
        assert is_untouched(gateway.in_(strange, STRANGER), strange)

    def test_changed_while_it_runs(self) -> None:
        gateway = said("")
        assert gateway.out(UNKNOWN).fate == Fate.DROPPED
        gateway.engine.reconfigure(said("unknown-message permit").config, gateway.now)
        assert gateway.out(UNKNOWN).fate == Fate.FORWARDED


class TestUnreadable:
    MESSAGES = pytest.mark.parametrize(
        ("data", "reason"),
        [
            (UNREADABLE, "no-call-id"),
            (
                request(body=sdp()).replace(b"Content-Length: ", b"Content-Length: 9"),
                "body-shorter-than-content-length",
            ),
            (request(body=sdp().replace("m=audio 4000", "m=audio x")), "sdp-media-line"),
            (request(body=sdp().replace("c=IN IP4 10.0.0.10\n", "")), "no-connection-line"),
        ],
    )

    @MESSAGES
    def test_are_dropped(self, data: bytes, reason: str) -> None:
        gateway = said("")
        assert gateway.out(data).reason == f"sip: {reason}"
        assert gateway.engine.drops == {f"sip: {reason}": 1}

    @MESSAGES
    def test_pass_as_they_came(self, data: bytes, reason: str) -> None:
        """Also what was half translated when the description turned out not to be one."""
        gateway = said("malformed pass")
        passed = gateway.out(data)
        assert is_untouched(passed, data)
        assert passed.outcome is not None
        notes = [effect for effect in passed.outcome.effects if isinstance(effect, Note)]
        assert notes == [Note("passed-as-it-came", reason.encode())]
        assert gateway.doors == []

    @pytest.mark.parametrize(("policy", "with_nat"), [("pass nat-applied", True), ("pass routed", False)])
    def test_where_the_configuration_says(self, policy: str, with_nat: bool) -> None:  # noqa: FBT001
        for config, passes in ((OVERLOAD, with_nat), (NO_NAT, not with_nat)):
            assert is_untouched(said(f"malformed {policy}", config).out(UNREADABLE), UNREADABLE) == passes

    def test_what_is_over_a_limit_never_passes(self) -> None:
        gateway = said("malformed pass")
        assert gateway.out(request(body=sdp() + "\nm=audio 4000 RTP/AVP 0" * 12)).reason == "sip: too-many-media-lines"
        assert gateway.out(request("OPTIONS", *["X: y"] * 300)).reason == "sip: too-many-headers"


class TestOversized:
    LONG = request("INVITE", f"X: {'y' * (65_500 - len(request('INVITE', 'X: ')))}")

    def test_datagrams(self) -> None:
        assert said("").out(self.LONG).reason == "sip: message-too-long"
        assert is_untouched(said("oversized pass").out(self.LONG), self.LONG)

    def test_streams(self) -> None:
        long = sip(
            "OPTIONS sip:bob@198.51.100.20 SIP/2.0",
            "Via: SIP/2.0/TCP 10.0.0.10:5060",
            "Call-ID: one",
            f"X: {'y' * 9000}",
        )
        assert self.sent(said(""), long) == (b"", True)
        assert self.sent(said("oversized pass"), long) == (long, False)
        data, closed = self.sent(said("max-message-size 10000"), long)
        assert GLOBAL.encode() in data
        assert not closed

    def test_streams_that_cannot_be_cut(self) -> None:
        damaged = b"OPTIONS sip:bob@198.51.100.20 SIP/2.0\r\nCall-ID: one\r\nl: 1\r\nl: 2\r\n\r\n"
        assert self.sent(said("oversized pass"), damaged) == (b"", True)
        assert self.sent(said("malformed pass"), damaged) == (damaged, False)
        assert self.sent(said("malformed pass routed"), damaged) == (b"", True)

    def test_streams_of_messages_that_cannot_be_read(self) -> None:
        """The message is whole, so that only it is missing, or passes as it came."""
        stream = UNREADABLE + request("OPTIONS")
        data, closed = self.sent(said(""), stream)
        assert data.startswith(b"OPTIONS")
        assert not closed
        data, closed = self.sent(said("malformed pass"), stream)
        assert data.startswith(UNREADABLE + b"OPTIONS")
        assert not closed

    def sent(self, gateway: Gateway, data: bytes) -> tuple[bytes, bool]:
        """What goes on of bytes that the phone sends over TCP, and whether the connection must be closed."""
        connection = connect(gateway.engine, endpoint("10.0.0.10:40000"), endpoint(PEER), Side.INSIDE, gateway.now)
        relay = connection.receive(data, End.CLIENT, gateway.now)
        return relay.data, relay.close


class TestQuotas:
    @pytest.mark.parametrize(
        ("line", "within_it", "over", "reason"),
        [
            ("quota headers 16", ["X: y"] * 6, ["X: y"] * 12, "too-many-headers"),
            ("quota header-length 128", [f"X: {'y' * 120}"], [f"X: {'y' * 130}"], "header-line-too-long"),
            (
                "quota values 16",
                ["Record-Route: " + ", ".join(["<sip:192.0.2.1>"] * 8)],
                ["Record-Route: " + ", ".join(["<sip:192.0.2.1>"] * 20)],
                "too-many-values",
            ),
        ],
    )
    def test_of_a_message(self, line: str, within_it: list[str], over: list[str], reason: str) -> None:
        gateway = said(line)
        assert gateway.out(request("OPTIONS", *within_it)).fate == Fate.FORWARDED
        assert gateway.out(request("OPTIONS", *over, call_id="two")).reason == f"sip: {reason}"
        assert gateway.out(request("OPTIONS", *over, call_id="two")).data == request("OPTIONS", *over, call_id="two")

    def test_of_all_parts_of_a_body_together(self) -> None:
        """Many descriptions, or one with many candidates, take as long as many headers."""
        line, account = b"m=audio 4000 RTP/AVP 0\r\n", b"Message-Account: sip:a@10.0.0.10\r\n"
        candidate = b"a=candidate:1 1 UDP 1 10.0.0.10 4000 typ host\r\n"
        many = {
            "multipart/alternative;boundary=x": b"--x\r\nc: application/sdp\r\n\r\nv=0\r\nc=IN IP4 10.0.0.10\r\n"
            + line * 4,
            "application/sdp": b"",
            "application/simple-message-summary": account,
        }
        for kind, part in many.items():
            bodies = [part * 4, part * 200 if part[:2] == b"--" else part * 400]
            if not part:
                bodies = [b"c=IN IP4 10.0.0.10\r\n" + (line + candidate * count) * 10 for count in (4, 100)]
            said = [Gateway().out(sip("INVITE sip:b@c SIP/2.0", "i: x", f"c: {kind}", body=body)) for body in bodies]
            assert [passage.reason for passage in said] == ["", "sip: too-many-values"], kind

    def test_of_the_parameters_of_via(self) -> None:
        via = "SIP/2.0/UDP 192.0.2.1;received=192.0.2.1;rport=1;maddr=192.0.2.1"
        for count, reason in ((190, ""), (200, "sip: too-many-values")):
            assert Gateway().out(request("OPTIONS", "Via: " + ",".join([via] * count))).reason == reason

    @pytest.mark.parametrize(("config", "most"), [("", 12), ("ip nat service profile ios\n", 5)])
    def test_media_lines(self, config: str, most: int) -> None:
        for lines, reason in ((most, ""), (most + 1, "sip: too-many-media-lines")):
            gateway = Gateway(OVERLOAD + config)
            more = [f"m=audio {4000 + 2 * line} RTP/AVP 0" for line in range(1, lines)]
            assert gateway.out(request(body=sdp("10.0.0.10", 4000, *more))).reason == reason
            assert len(gateway.media_doors()) == (0 if reason else 2 * lines)

    def test_media_lines_as_configured(self) -> None:
        gateway = said("max-streams 2")
        video = "m=video 4002 RTP/AVP 9"
        assert gateway.out(request(body=sdp("10.0.0.10", 4000, video, video))).reason == "sip: too-many-media-lines"
        assert gateway.out(request(body=sdp("10.0.0.10", 4000, video))).fate == Fate.FORWARDED

    def test_doors_of_a_call(self) -> None:
        """Also by offers that nobody answers; another call of the same phone is not concerned."""
        gateway = connected(config="ip nat service sip quota doors 6\n")
        for cseq, reason in ((2, ""), (3, ""), (4, "sip: too-many-doors")):
            changed = gateway.out(within("INVITE", cseq, body=sdp(port=4000 + 10 * cseq)))
            assert changed.reason == reason
        assert len(gateway.media_doors()) == 6
        assert gateway.out(request(call_id="two", body=sdp(port=7000))).fate == Fate.FORWARDED

    def test_doors_for_signalling(self) -> None:
        gateway = said("quota signalling-doors 2")
        gateway.out(request("INVITE", *[f"Contact: <sip:10.0.0.10:{port}>" for port in (5060, 5062, 5064)]))
        assert len(gateway.signalling_doors()) == 2

    def test_calls_of_a_host(self) -> None:
        gateway = said("quota calls 3")
        reasons = [gateway.out(request("OPTIONS", call_id=f"{number}")).reason for number in range(5)]
        assert reasons == ["", "", "", "sip: too-many-calls", "sip: too-many-calls"]
        gateway.wait(40)
        assert gateway.out(request("OPTIONS", call_id="later")).fate == Fate.FORWARDED

    def test_a_quota_that_shrinks_ends_nothing(self) -> None:
        gateway = connected()
        gateway.engine.reconfigure(said("quota calls 1").config, gateway.now)
        assert gateway.in_(answer(200, body=ANSWER)).fate == Fate.FORWARDED
        assert gateway.out(request("OPTIONS", call_id="new")).reason == "sip: too-many-calls"
