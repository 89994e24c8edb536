"""`no-payload`: messages of a host stay as they came, and what others say of it; headers are translated as ever."""

from kit.ftp import SERVED, Ftp
from kit.sip import OVERLOAD, PHONE, STATIC, Gateway, request, sdp

LEFT = STATIC.replace("203.0.113.100\n", "203.0.113.100 no-payload\n")


def test_messages_of_the_host_itself() -> None:
    said = request(body=sdp())
    assert Gateway(STATIC).out(said).data != said
    passage = Gateway(LEFT).out(said)
    assert (passage.data, passage.source, passage.outcome) == (said, "203.0.113.100:5060", None)


def test_what_another_host_says_of_it() -> None:
    other = "ip nat inside source static 10.0.0.50 203.0.113.50"
    said = request("INVITE", "Record-Route: <sip:10.0.0.50:5070;lr>", body=sdp())
    assert b"<sip:203.0.113.50:5070;lr>" in Gateway(OVERLOAD + f"{other}\n").out(said, PHONE).data
    left = Gateway(OVERLOAD + f"{other} no-payload\n").out(said, PHONE).data
    assert b"<sip:10.0.0.50:5070;lr>" in left
    assert b"10.0.0.10" not in left


def test_streams_pass_as_they_came() -> None:
    for config, arrives in ((SERVED, "203,0,113,100"), (SERVED.replace("100\n", "100 no-payload\n"), "10,0,0,10")):
        ftp = Ftp(config, server_inside=True, server="203.0.113.100:21")
        assert ftp.passive("227 Entering Passive Mode (10,0,0,10,82,11)").startswith(
            f"227 Entering Passive Mode ({arrives},"
        )
