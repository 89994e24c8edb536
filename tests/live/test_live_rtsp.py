"""RTSP through `doorman run` by real programs: GStreamer's server on either side, ffmpeg and GStreamer as clients.

Everything is the same with a proxy for TCP and without one (mode vtcp). What the programs do not say, sockets say.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from doorman.lab.network import EXCHANGE_GLOBAL, GATEWAY_GLOBAL, INSIDE_EXCHANGE, INSIDE_PHONE, OUTSIDE_PHONE, PROXY
from doorman.lab.rtsp import RTSP_PORT, rtsp_server
from kit.lab import Lab, eventually
from kit.rtsp_programs import CLIENTS, FRAIL, begin, finish, need_rtsp
from kit.waiting import DEADLINE

OTHER_PORT = 8554
OVER_HTTP = "gstreamer over http"
"""GStreamer's server tells an address of its own there, which nobody looks into: only one outside can be reached."""
RTP = b"\x80\0\0\1" + bytes(40)


class Served(NamedTuple):
    """A server: where clients are, and what they call it."""

    clients: str
    name: str


@pytest.fixture(scope="module", params=["l4f", "vtcp"])
def servers(request: pytest.FixtureRequest, shared_lab: Lab) -> Iterator[dict[str, Served]]:
    """A server on either side, and a gateway that inspects TCP in one mode or the other."""
    need_rtsp()
    net = shared_lab.network
    directory = shared_lab.directory / request.param
    directory.mkdir()
    shared_lab.configure(f"ip nat service rtsp tcp mode {request.param}")
    with ExitStack() as stack:
        stack.enter_context(shared_lab.serving())
        stack.enter_context(rtsp_server(net.outside, OUTSIDE_PHONE, RTSP_PORT, directory))
        stack.enter_context(rtsp_server(net.inside, INSIDE_EXCHANGE, OTHER_PORT, directory))
        yield {
            "outside": Served(net.inside, f"{OUTSIDE_PHONE}:{RTSP_PORT}"),
            "inside": Served(net.outside, f"{EXCHANGE_GLOBAL}:{OTHER_PORT}"),
        }
        eventually(lambda: not shared_lab.doors("rtp", "rtcp"), "doors outlive their sessions", 5.0)
        eventually(lambda: not shared_lab.ask("show alg rtsp sessions"), "sessions outlive their ends", 5.0)


@pytest.mark.parametrize("server", ["outside", "inside"])
def test_media_are_played_and_brought(server: str, servers: dict[str, Served], shared_lab: Lab) -> None:
    """All clients at once; each ends well only if it gets what it waits for."""
    served = servers[server]
    before = sum(row["total"] for row in shared_lab.ask("show alg rtsp statistics")["rows"] if row["name"] == "PLAY")
    clients = {
        name: begin(served.clients, client, served.name)
        for name, client in CLIENTS.items()
        if server == "outside" or name != OVER_HTTP
    }
    complaints = {name: told for name, client in clients.items() if (told := finish(client))}
    for name, told in complaints.items():
        assert name.startswith(FRAIL), told
        assert not finish(begin(served.clients, CLIENTS[name], served.name)), f"{told}, and again"
    shown = shared_lab.ask("show alg rtsp statistics")
    counted = {row["name"]: row["total"] for row in shown["rows"]}
    played = len(clients) - 1 - (server == "outside")  # one records, one is not looked into
    assert played <= counted["PLAY"] - before <= played + len(complaints)
    wanted = ("DESCRIBE", "ANNOUNCE", "SETUP", "PLAY", "RECORD", "TEARDOWN", "200")
    assert min(counted[name] for name in wanted) > 0, counted
    assert shown["drops"] == {}


def test_what_was_noted(servers: dict[str, Served], shared_lab: Lab) -> None:
    assert servers
    notes = shared_lab.ask("show alg rtsp statistics")["notes"]
    assert set(notes) <= {"rtsp-over-http"}, notes


class Talk:
    """A connection that an inside host has to an outside one, and the sockets for its media."""

    def __init__(self, lab: Lab, stack: ExitStack, *, port: int = 0) -> None:
        net = lab.network
        listener = stack.enter_context(lab.tcp(net.outside, PROXY, RTSP_PORT, listens=True))
        self.client = stack.enter_context(lab.tcp(net.inside, INSIDE_PHONE, port))
        self.client.connect((PROXY, RTSP_PORT))
        self.server = stack.enter_context(listener.accept()[0])
        self.server.settimeout(DEADLINE)
        listener.close()
        self._number = 0

    def asks(self, start: str, *headers: str) -> str:
        """A request, as the server gets it."""
        self._number += 1
        return self._say(self.client, self.server, f"{start} RTSP/1.0", *headers)

    def answers(self, *headers: str) -> str:
        """The response, as the client gets it."""
        return self._say(self.server, self.client, "RTSP/1.0 200 OK", *headers)

    def _say(self, sender: socket.socket, receiver: socket.socket, start: str, *headers: str) -> str:
        sender.sendall("\r\n".join([start, f"CSeq: {self._number}", *headers, "", ""]).encode())
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += receiver.recv(4_096)
        return heard.decode()


def test_media_of_a_server_that_sends_from_elsewhere(servers: dict[str, Served], shared_lab: Lab) -> None:
    """As RTSP 2.0 says it; its media come from another host than its messages, and end with the session."""
    assert servers
    lab, net = shared_lab, shared_lab.network
    with ExitStack() as stack:
        talk = Talk(lab, stack)
        ear = stack.enter_context(lab.udp(net.inside, INSIDE_PHONE, 4_588))
        reports = stack.enter_context(lab.udp(net.inside, INSIDE_PHONE, 4_589))
        mouth = stack.enter_context(lab.udp(net.outside, OUTSIDE_PHONE, 6_256))
        stranger = stack.enter_context(lab.udp(net.outside, "203.0.113.2", 6_256))
        told = talk.asks(
            f"SETUP rtsp://{PROXY}/film", f'Transport: RTP/AVP;unicast;dest_addr="{INSIDE_PHONE}:4588"/":4589"'
        )
        transport = f'RTP/AVP;unicast;dest_addr="{GATEWAY_GLOBAL}:4588"/":4589"'
        assert f"Transport: {transport}\r\n" in told
        mouth.sendto(RTP, (GATEWAY_GLOBAL, 4_588))
        heard = talk.answers("Session: 7", f'Transport: {transport};src_addr="{OUTSIDE_PHONE}:6256"/":6257"')
        assert f'dest_addr="{INSIDE_PHONE}:4588"/":4589"' in heard
        stranger.sendto(b"no", (GATEWAY_GLOBAL, 4_588))
        mouth.sendto(RTP, (GATEWAY_GLOBAL, 4_588))
        assert ear.recvfrom(100) == (RTP, (OUTSIDE_PHONE, 6_256))
        reports.sendto(b"report", (OUTSIDE_PHONE, 6_256))
        assert mouth.recvfrom(100) == (b"report", (GATEWAY_GLOBAL, 4_589))
        talk.asks(f"TEARDOWN rtsp://{PROXY}/film", "Session: 7")
        talk.answers("Session: 7")
        own = {f"{INSIDE_PHONE}:{port}" for port in (4_588, 4_589)}
        eventually(lambda: not own & {door["leads_to"] for door in lab.doors()}, "doors outlive their session", 5.0)
        eventually(lambda: not [flow for flow in lab.flows() if "port=4588" in flow], "media outlive it", 5.0)
        mouth.sendto(RTP, (GATEWAY_GLOBAL, 4_588))
        ear.settimeout(0.2)
        with pytest.raises(TimeoutError):
            ear.recvfrom(100)


def test_a_session_goes_on_when_the_gateway_was_started_again(lab: Lab) -> None:
    net = lab.network
    with ExitStack() as stack:
        ear = stack.enter_context(lab.udp(net.inside, INSIDE_PHONE, 4_588))
        mouth = stack.enter_context(lab.udp(net.outside, PROXY, 6_256))
        transport = "Transport: RTP/AVP;unicast;client_port=4588-4589"
        with lab.serving():
            talk = Talk(lab, stack)
            talk.asks(f"SETUP rtsp://{PROXY}/film", transport)
            talk.answers("Session: 7", f"{transport};server_port=6256-6257")
            mouth.sendto(RTP, (GATEWAY_GLOBAL, 4_588))
            assert ear.recv(100) == RTP
        with lab.serving():
            mouth.sendto(RTP, (GATEWAY_GLOBAL, 4_588))
            assert ear.recv(100) == RTP
            [session] = lab.ask("show alg rtsp sessions")
            assert (session["session"], session["client_media"]) == ("7", f"{INSIDE_PHONE}:4588")
            assert [door["role"] for door in lab.doors()] == ["rtcp"]
            again = Talk(lab, stack)
            again.asks(f"TEARDOWN rtsp://{PROXY}/film", "Session: 7")
            again.answers("Session: 7")
            eventually(lambda: not lab.ask("show alg rtsp sessions"), "a session outlives its end")


def test_without_a_proxy_a_connection_waits_for_its_media(lab: Lab) -> None:
    """The kernel forgets one that is silent for two seconds, but not one whose media are expected."""
    lab.configure("ip nat service rtsp tcp mode vtcp", "ip nat translation tcp-timeout 2")
    with lab.serving(), ExitStack() as stack:
        busy, idle = Talk(lab, stack, port=40_002), Talk(lab, stack, port=40_001)
        transport = "Transport: RTP/AVP;unicast;client_port=4588-4589"
        busy.asks(f"SETUP rtsp://{PROXY}/film", transport)
        busy.answers("Session: 7", f"{transport};server_port=6256-6257")
        idle.asks("OPTIONS *")
        idle.answers()
        eventually(lambda: "sport=40001 " not in str(lab.flows("-p", "tcp")), "an idle flow is kept", 10.0)
        assert "sport=40002 " in str(lab.flows("-p", "tcp"))
        busy.asks(f"TEARDOWN rtsp://{PROXY}/film", "Session: 7")
        busy.answers("Session: 7")
