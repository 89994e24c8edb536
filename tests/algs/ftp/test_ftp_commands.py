"""What the server gets of a client's commands where their families differ, and what the client hears of the replies."""

import pytest

from doorman.algs.ftp.families import Families
from doorman.net.addresses import Address, address_of

V4, V6 = address_of("198.51.100.20"), address_of("2001:db8:1::10")
NOT_FOR_THAT = b"504 Command not implemented for that parameter"
OTHER_PROTOCOL = b"522 Network protocol not supported, use (2)"
OF_IPV6 = [
    (b"EPSV", b"", b"PASV", b""),
    (b"EPSV", b"2 ", b"PASV", b""),
    (b"EPSV", b"1", b"NOOP", OTHER_PROTOCOL),
    (b"EPSV", b"20", b"NOOP", OTHER_PROTOCOL),
    (b"EPSV", b"all", b"NOOP", NOT_FOR_THAT),
    (b"EPSV", b"what", b"EPSV", b""),
    (b"PASV", b"", b"PASV", b""),
    (b"ALGS", b"STATUS64", b"NOOP", b"216 EPSVEPRT"),
    (b"ALGS", b"Enable64", b"NOOP", b"216 EPSVEPRT"),
    (b"ALGS", b"DISABLE64", b"NOOP", b"216 NONE"),
    (b"ALGS", b"", b"NOOP", NOT_FOR_THAT),
    (b"ALGS", b"STATUS 64", b"NOOP", NOT_FOR_THAT),
    (b"RETR", b"file", b"RETR", b""),
]
GRANTED = {b"EPSV": b"229", b"PASV": b"227"}


@pytest.mark.parametrize(("verb", "argument", "sent", "answer"), OF_IPV6)
def test_a_client_of_ipv6_and_a_server_of_ipv4(verb: bytes, argument: bytes, sent: bytes, answer: bytes) -> None:
    command = Families(V6, V4).pass_on(verb, argument)
    assert (command.sent, command.answer) == (sent, answer)
    if verb in GRANTED and not answer:
        said = GRANTED[sent]
        assert command.heard(said) == GRANTED[verb]
        assert command.said(GRANTED[verb]) == said
    if answer:
        assert command.is_answered(b"200")
        assert command.is_answered(b"530")
        assert not command.is_answered(b"220")
        assert not command.is_answered(b"421")
        assert command.said(answer[:3]) == b"200"


@pytest.mark.parametrize(("client", "server"), [(V4, V4), (V6, V6), (V4, V6)])
@pytest.mark.parametrize("line", OF_IPV6)
def test_all_others(line: tuple[bytes, bytes, bytes, bytes], client: Address, server: Address) -> None:
    verb, argument, *_ = line
    command = Families(client, server).pass_on(verb, argument)
    asks = verb == b"PASV" and (client, server) == (V4, V6)
    assert (command.sent, command.answer) == (b"EPSV" if asks else command.verb, b"")
    if asks:
        assert command.heard(b"229") == b"227"


def test_a_client_that_wants_no_translation() -> None:
    families = Families(V6, V4)
    families.pass_on(b"ALGS", b"DISABLE64")
    assert families.pass_on(b"EPSV", b"").sent == b"EPSV"
    assert families.pass_on(b"EPSV", b"ALL").sent == b"EPSV ALL"
    assert families.pass_on(b"ALGS", b"STATUS64").answer == b"216 NONE"
    families.pass_on(b"ALGS", b"ENABLE64")
    assert families.pass_on(b"EPSV", b"").sent == b"PASV"


def test_security_that_is_asked_for() -> None:
    families = Families(V6, V4)
    families.pass_on(b"AUTH", b"TLS")
    assert families.pass_on(b"EPSV", b"").sent == b"EPSV"
    assert families.pass_on(b"ALGS", b"STATUS64").sent == b"ALGS"
