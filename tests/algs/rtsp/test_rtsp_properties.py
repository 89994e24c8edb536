"""Whatever is announced: the server reads names that lead back, the client reads what it wrote, and all else stays."""

from hypothesis import given
from hypothesis import strategies as st

from doorman.engine.results import Side
from doorman.net.addresses import Endpoint, address_of
from doorman.net.packet import TCP, UDP
from doorman.wire.rtsp_transport import read_transports
from kit.rtsp import OVERLOAD, SERVED, TRACK, Rtsp, value

PORTS = st.integers(1_024, 65_534).filter(lambda port: port not in {1434, 1701, 1900, 2049, 3702, 5353, 5354, 5355})
HOSTS = st.sampled_from(["", ";destination=10.0.0.10", ";DESTINATION = 10.0.0.10 ", ';destination="10.0.0.10"'])
MORE = st.lists(
    st.sampled_from(["unicast", "ttl=3", 'mode="PLAY,RECORD"', "ssrc=1A2B3C4D", "x-dynamic-rate=1", "a=b"]), max_size=4
)
NAMES = st.sampled_from(["RTP/AVP", "RTP/AVP/UDP", "rtp/savpf", "RTP/AVP/TCP", "RAW/RAW/UDP", "x-real-rdt/udp"])


@st.composite
def transports(draw: st.DrawFn) -> str:
    first = draw(PORTS)
    form = draw(
        st.sampled_from(["client_port={0}", "client_port={0}-{1}", 'dest_addr=":{0}"', 'dest_addr=":{0}"/":{1}"'])
    )
    parameters = [*draw(MORE), form.format(first, first + 1) + draw(HOSTS)]
    return ";".join([draw(NAMES), *draw(st.permutations(parameters))])


@given(st.lists(transports(), min_size=1, max_size=4), st.sets(PORTS, max_size=3))
def test_what_a_client_announces(announced: list[str], taken: set[int]) -> None:
    rtsp = Rtsp(OVERLOAD)
    for port in taken:
        rtsp.flows(f"10.0.0.11:{port}", "192.0.2.9:80", Side.INSIDE)
    asked = ", ".join(announced)
    told = value(rtsp.asks("SETUP", TRACK, f"Transport: {asked}"), "Transport")
    bindings, name = rtsp.engine.state.bindings, address_of("203.0.113.1")
    written, read = (read_transports(text.encode(), 0, len(text)) for text in (asked, told))
    for before, after in zip(written, read, strict=True):
        if b"none/none" in told.encode()[after.start : after.end]:
            continue  # ports that are announced twice need not be neighbours outside
        protocol = TCP if before.protocol == TCP else UDP
        for mine, theirs in zip(ports_of(before), ports_of(after), strict=True):
            binding = bindings.by_global(protocol, Endpoint(name, theirs))
            assert binding is not None
            assert binding.inward(Endpoint(name, theirs)) == Endpoint(address_of("10.0.0.10"), mine)
        if before.is_rtp and len(ports_of(after)) > 1:
            assert ports_of(after)[0] % 2 == 0
            assert ports_of(after)[1] == ports_of(after)[0] + 1
    heard = value(rtsp.answers(f"Transport: {told}", session="7"), "Transport")
    assert heard == ", ".join("none/none" if void else one for one, void in zip(announced, voided(told), strict=True))


def voided(told: str) -> list[bool]:
    return [told[one.start : one.end] == "none/none" for one in read_transports(told.encode(), 0, len(told))]


def ports_of(transport: object) -> list[int]:
    ports = getattr(transport, "client_port", None)
    if ports is not None:
        return [port.number for port in ports if port is not None]
    return [socket.port.number for socket in getattr(transport, "dest_addr", [])]


@given(
    st.text('rtsp:/10.2@[]\\;,=" -\r\n\t', max_size=200), st.sampled_from(["application/sdp", "text/parameters", ""])
)
def test_bodies_of_any_kind_keep_their_length_right(body: str, kind: str) -> None:
    rtsp = Rtsp(SERVED, server_inside=True)
    rtsp.asks("DESCRIBE", "*")
    heard = rtsp.answers(*([f"Content-Type: {kind}"] if kind else []), body=f"v=0\nx rtsp://10.0.0.10/ {body}")
    assert ("rtsp://203.0.113.100/" in heard) == (kind != "" or heard.partition("\r\n\r\n")[2].startswith("v=0"))
