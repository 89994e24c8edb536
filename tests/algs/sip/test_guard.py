"""The guard against floods of INVITEs: whose INVITEs fail is not heard for a while (RFC 3261, section 21)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.algs.sip import guard as guard_module
from doorman.algs.sip.guard import Suspect
from doorman.algs.sip.settings import SipSettings
from doorman.config.reader import read_config
from doorman.engine.results import Fate
from doorman.net.addresses import address_text
from kit.sip import OVERLOAD, PEER, PHONE, STATIC, STRANGER, Gateway, Passage, answer, request, sip

SERVER = "203.0.113.100:5060"
"""The phone 10.0.0.10 as the outside knows it."""
OTHER = STATIC + "ip nat inside source static 10.0.0.11 203.0.113.101\n"
DEFAULTS = SipSettings()


def protected(*lines: str, config: str = STATIC) -> Gateway:
    return Gateway(config + "".join(f"ip nat service sip protect {line}\n" for line in lines))


def invite(number: int, branch: str = "", tag: str = "") -> bytes:
    """The stranger's INVITE with a Call-ID of its own."""
    return sip(
        "INVITE sip:alice@203.0.113.100 SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.66:5060;branch=z9hG4bK{branch or number}",
        "From: <sip:eve@192.0.2.66>;tag=e",
        f"To: <sip:alice@203.0.113.100>{tag}",
        f"Call-ID: scan{number}",
        f"CSeq: {1 if not tag else 2} INVITE",
        "Contact: <sip:eve@192.0.2.66:5060>",
    )


def reply(number: int, status: int, branch: str = "") -> bytes:
    """What the phone answers to that."""
    return sip(
        f"SIP/2.0 {status} Whatever",
        f"Via: SIP/2.0/UDP 192.0.2.66:5060;branch=z9hG4bK{branch or number}",
        "From: <sip:eve@192.0.2.66>;tag=e",
        "To: <sip:alice@10.0.0.10>;tag=a",
        f"Call-ID: scan{number}",
        "CSeq: 1 INVITE",
    )


def fail(gateway: Gateway, first: int, count: int, status: int = 404) -> None:
    """So many INVITEs of the stranger fail."""
    for number in range(first, first + count):
        assert gateway.in_(invite(number), STRANGER, SERVER).fate == Fate.FORWARDED
        assert gateway.out(reply(number, status), PHONE, STRANGER).fate == Fate.FORWARDED


def try_again(gateway: Gateway, number: int = 999_999) -> Passage:
    return gateway.in_(invite(number), STRANGER, SERVER)


def suspects(gateway: Gateway) -> list[Suspect]:
    return list(gateway.sip.guard)


class TestWhoIsDenied:
    def test_a_scanner_is_denied_for_a_while(self) -> None:
        gateway = Gateway(STATIC)
        fail(gateway, 0, DEFAULTS.protect_threshold)
        denied = try_again(gateway)
        assert (denied.fate, denied.reason) == (Fate.DROPPED, "sip: denied-source")
        assert gateway.engine.drops["sip: denied-source"] == 1
        assert gateway.notes("source-denied") == 1
        (suspect,) = suspects(gateway)
        assert [address_text(address) for address in suspect.pair] == ["192.0.2.66", "10.0.0.10"]
        assert suspect.refused == 1
        gateway.wait(DEFAULTS.protect_deny_time + 1)
        assert suspects(gateway) == []
        assert try_again(gateway).fate == Fate.FORWARDED

    @pytest.mark.parametrize("status", [300, 302, 400, 403, 404, 480, 486, 500, 503, 600, 603])
    def test_failures(self, status: int) -> None:
        gateway = protected("threshold 3")
        fail(gateway, 0, 3, status)
        assert try_again(gateway).reason == "sip: denied-source"

    @pytest.mark.parametrize("status", [401, 407, 487, 488])
    def test_what_is_no_failure(self, status: int) -> None:
        gateway = protected("threshold 3")
        fail(gateway, 0, 10, status)
        assert try_again(gateway).fate == Fate.FORWARDED

    def test_a_success_begins_the_count_anew(self) -> None:
        """A trunk's calls fail now and then: only failures in a row are counted."""
        gateway = protected("threshold 3")
        for number in range(0, 30, 3):
            fail(gateway, number, 2, 486)
            fail(gateway, number + 2, 1, 200)
        assert try_again(gateway).fate == Fate.FORWARDED

    def test_failures_far_apart(self) -> None:
        gateway = protected("threshold 3", "period 10")
        for number in range(8):
            fail(gateway, number, 1)
            gateway.wait(6)
        assert try_again(gateway).fate == Fate.FORWARDED

    def test_other_sources_and_other_servers_are_heard(self) -> None:
        gateway = protected("threshold 3", config=OTHER)
        fail(gateway, 0, 3)
        assert try_again(gateway).fate == Fate.DROPPED
        assert gateway.in_(invite(50), "192.0.2.67:5060", SERVER).fate == Fate.FORWARDED
        assert gateway.in_(invite(51), STRANGER, "203.0.113.101:5060").fate == Fate.FORWARDED

    def test_other_methods_are_heard(self) -> None:
        gateway = protected("threshold 3")
        fail(gateway, 0, 3)
        options = invite(60).replace(b"INVITE", b"OPTIONS")
        assert gateway.in_(options, STRANGER, SERVER).fate == Fate.FORWARDED

    def test_an_established_call_goes_on(self) -> None:
        """A re-INVITE puts a call on hold: it is neither dropped nor counted."""
        gateway = protected("threshold 3")
        fail(gateway, 0, 1, 200)
        fail(gateway, 1, 3)
        hold = gateway.in_(invite(0, "hold", ";tag=a"), STRANGER, SERVER)
        assert hold.fate == Fate.FORWARDED
        assert gateway.in_(invite(70, "forged", ";tag=a"), STRANGER, SERVER).reason == "sip: denied-source"

    def test_a_denial_ends_though_the_source_goes_on(self) -> None:
        gateway = protected("threshold 3", "deny-time 5")
        fail(gateway, 0, 3)
        for number in range(10):
            assert try_again(gateway, 100 + number).fate == (Fate.DROPPED if number < 5 else Fate.FORWARDED)
            gateway.wait(1)


class TestWhatCounts:
    def test_an_answer_counts_once(self) -> None:
        gateway = protected("threshold 3")
        gateway.in_(invite(1), STRANGER, SERVER)
        for _ in range(10):
            gateway.out(reply(1, 404), PHONE, STRANGER)
        assert try_again(gateway).fate == Fate.FORWARDED

    def test_a_repeated_invite_counts_once(self) -> None:
        gateway = protected("threshold 3")
        for _ in range(10):
            gateway.in_(invite(1), STRANGER, SERVER)
        gateway.out(reply(1, 404), PHONE, STRANGER)
        assert [suspect.failures for suspect in suspects(gateway)] == [1]

    def test_one_call_id_for_a_whole_flood(self) -> None:
        """Rising CSeq numbers, each sent before the last was answered."""
        gateway = protected("threshold 5")
        for number in range(1, 7):
            gateway.in_(invite(1, f"b{number}").replace(b"CSeq: 1", b"CSeq: %d" % number), STRANGER, SERVER)
        for number in range(1, 7):
            gateway.out(reply(1, 404, f"b{number}").replace(b"CSeq: 1", b"CSeq: %d" % number), PHONE, STRANGER)
        assert try_again(gateway).reason == "sip: denied-source"

    def test_answers_to_nothing(self) -> None:
        """Responses that nobody asked for deny nobody."""
        gateway = protected("threshold 3")
        gateway.in_(invite(1), STRANGER, SERVER)
        for number in range(2, 20):
            gateway.out(reply(number, 404), PHONE, STRANGER)
        assert suspects(gateway) == []

    def test_an_answer_of_another_branch(self) -> None:
        gateway = protected("threshold 1")
        gateway.in_(invite(1), STRANGER, SERVER)
        gateway.out(reply(1, 404, "guessed"), PHONE, STRANGER)
        assert suspects(gateway) == []

    def test_forged_answers_from_outside(self) -> None:
        """An outside host pretends that the INVITEs of an inside host failed somewhere else."""
        gateway = protected("threshold 2", "against everyone")
        for number in range(10):
            call_id = f"own{number}"
            gateway.out(request(call_id=call_id), PHONE, PEER)
            gateway.in_(answer(404, call_id=call_id), STRANGER, SERVER)
        assert suspects(gateway) == []
        assert gateway.out(request(call_id="last"), PHONE, PEER).fate == Fate.FORWARDED

    def test_the_answer_goes_to_another(self) -> None:
        """The Via names a victim, which the answer goes to: it was not the victim who asked."""
        gateway = protected("threshold 2")
        for number in range(5):
            gateway.in_(invite(number), STRANGER, SERVER)
            gateway.out(reply(number, 404), PHONE, "198.51.100.20:5060")
        assert [address_text(suspect.pair[0]) for suspect in suspects(gateway)] == ["192.0.2.66"]

    def test_whom_an_inside_host_asked_itself_is_not_denied(self) -> None:
        """Somebody who uses the registrar's address must not cut a phone off from its registrar."""
        gateway = protected("threshold 3")
        registration = request("REGISTER", "Expires: 3600", call_id="reg")
        gateway.out(registration, PHONE, STRANGER)
        fail(gateway, 0, 10)
        assert gateway.notes("expected-source") == 3
        assert try_again(gateway).fate == Fate.FORWARDED

    def test_an_invite_that_nobody_answers_is_forgotten(self) -> None:
        gateway = protected("threshold 1")
        gateway.in_(invite(1), STRANGER, SERVER)
        gateway.wait(300)
        gateway.out(reply(1, 404), PHONE, STRANGER)
        assert suspects(gateway) == []


class TestConfiguration:
    def test_deny_time_0_denies_nobody(self) -> None:
        gateway = protected("threshold 1", "deny-time 0")
        fail(gateway, 0, 10)
        assert try_again(gateway).fate == Fate.FORWARDED

    def test_only_servers_of_an_access_list_are_protected(self) -> None:
        gateway = protected("threshold 2", "servers 7", config=OTHER + "access-list 7 permit host 10.0.0.11\n")
        fail(gateway, 0, 5)
        assert try_again(gateway).fate == Fate.FORWARDED
        for number in range(20, 22):
            gateway.in_(invite(number), STRANGER, "203.0.113.101:5060")
            gateway.out(reply(number, 404), "10.0.0.11:5060", STRANGER)
        assert gateway.in_(invite(30), STRANGER, "203.0.113.101:5060").reason == "sip: denied-source"

    def test_a_list_that_changes_counts_at_once(self) -> None:
        listed = OTHER + "ip nat service sip protect servers 7\nip nat service sip protect threshold 2\n"
        gateway = Gateway(listed + "access-list 7 permit host 10.0.0.11\n")
        gateway.engine.reconfigure(
            read_config(listed + "access-list 7 permit host 10.0.0.10\n", "test.cfg"), gateway.now
        )
        fail(gateway, 0, 2)
        assert try_again(gateway).reason == "sip: denied-source"

    def test_inside_hosts_are_denied_only_where_configured(self) -> None:
        for lines, fate in (((), Fate.FORWARDED), (("against everyone",), Fate.DROPPED)):
            gateway = protected("threshold 2", *lines, config=OVERLOAD)
            for number in range(2):
                call_id = f"own{number}"
                gateway.out(request(call_id=call_id))
                gateway.in_(answer(404, call_id=call_id))
            assert gateway.out(request(call_id="last")).fate == fate

    def test_rate(self) -> None:
        gateway = protected("rate 5")
        passed = [try_again(gateway, number).reason for number in range(8)]
        assert passed == [""] * 5 + ["sip: invite-rate"] * 3
        assert gateway.in_(invite(100), "192.0.2.67:5060", SERVER).fate == Fate.FORWARDED
        gateway.wait(1)
        assert try_again(gateway, 101).fate == Fate.FORWARDED

    def test_switched_off_while_somebody_is_denied(self) -> None:
        gateway = protected("threshold 2")
        fail(gateway, 0, 2)
        assert try_again(gateway).fate == Fate.DROPPED
        off = read_config(STATIC + "ip nat service sip protect deny-time 0\n", "test.cfg")
        gateway.engine.reconfigure(off, gateway.now)
        assert try_again(gateway).fate == Fate.FORWARDED

    def test_clear(self) -> None:
        gateway = protected("threshold 2")
        fail(gateway, 0, 2)
        assert gateway.sip.guard.clear(suspects(gateway)[0].pair[1]) == 0
        assert gateway.sip.guard.clear(suspects(gateway)[0].pair[0]) == 1
        assert try_again(gateway).fate == Fate.FORWARDED


class TestFloods:
    def test_a_full_table_keeps_whom_it_has(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No crowd of sources can make the gateway forget another, nor take the place of those of other servers."""
        monkeypatch.setattr(guard_module, "MAX_SUSPECTS_OF_SERVER", 3)
        gateway = protected("threshold 1", config=OTHER)
        for number in range(5):
            source = f"192.0.2.{number + 1}:5060"
            gateway.in_(invite(number), source, SERVER)
            gateway.out(reply(number, 404), PHONE, source)
        assert len(suspects(gateway)) == 3
        assert gateway.notes("guard-full") == 2
        assert gateway.in_(invite(50), "192.0.2.1:5060", SERVER).reason == "sip: denied-source"
        gateway.in_(invite(60), STRANGER, "203.0.113.101:5060")
        gateway.out(reply(60, 404), "10.0.0.11:5060", STRANGER)
        assert len(suspects(gateway)) == 4

    def test_a_source_has_its_share_of_what_is_remembered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(guard_module, "MAX_ASKED_OF_SOURCE", 3)
        gateway = protected("threshold 5")
        for number in range(5):
            try_again(gateway, number)
        assert gateway.notes("guard-full") == 2
        gateway.out(reply(0, 404), PHONE, STRANGER)
        try_again(gateway, 6)
        assert gateway.notes("guard-full") == 2

    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.sampled_from([0, 180, 200, 401, 404, 503]))))
    def test_whatever_comes_is_forgotten_in_the_end(self, events: list[tuple[int, int, int]]) -> None:
        """INVITEs (status 0) and answers in any order; nobody is refused before so many failures."""
        gateway = protected("threshold 3", "deny-time 7", "period 20")
        failures = 0
        for number, seconds, status in events:
            gateway.wait(seconds)
            if status:
                gateway.out(reply(number, status), PHONE, STRANGER)
                failures += status in {404, 503}
            elif gateway.in_(invite(number), STRANGER, SERVER).fate == Fate.DROPPED:
                assert failures >= 3
            assert len(suspects(gateway)) <= 1
        gateway.wait(1_000)
        guard = gateway.sip.guard
        held = (guard._suspects, guard._asked, guard._by_server, guard._by_source)  # noqa: SLF001 - nothing may leak
        assert not any(held)
