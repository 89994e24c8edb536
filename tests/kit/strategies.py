"""Hypothesis strategies: SIP messages of an inside phone, session descriptions, and damaged messages."""

from hypothesis import strategies as st

from kit.sip import sip

PHONE_HOST = "10.0.0.10"
HOSTS = [PHONE_HOST, "10.0.0.50", "198.51.100.20", "192.168.7.7", "203.0.113.1", "phone.example", "[2001:db8::1]"]
NAMES = [
    "Contact", "m", "From", "f", "To", "t", "Record-Route", "Route", "Path", "Service-Route", "P-Asserted-Identity",
    "P-Preferred-Identity", "Refer-To", "r", "Referred-By", "b", "Reply-To", "Remote-Party-ID", "User-Agent", "Subject",
    "Diversion", "History-Info", "Call-Info", "P-Called-Party-ID", "Warning", "Also", "Replaces",
]  # fmt: skip
METHODS = ["INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "SUBSCRIBE", "NOTIFY", "PRACK", "UPDATE", "REFER"]
MARKS = b'<>"@:;,= \t\r\n\\/[]%.0159aASiIpP\x00\xff'

ports = st.sampled_from(["", ":5060", ":5070", ":5061", ":1024", ":65535"])
blanks = st.sampled_from([" ", "  ", "\t", "\r\n ", ""])
users = st.sampled_from(["", "alice@", "10.0.0.10@", "a:b@", "%40x@", "+1555;x=y@"])
parameters = st.sampled_from([
    "", ";lr", ";transport=udp", ";transport=tcp", ";maddr=10.0.0.10", ";user=phone;x", "?Replaces=1%4010.0.0.10",
    ";lr?Call-ID=sip:1@10.0.0.10",
])  # fmt: skip
displays = st.sampled_from(["", '"Alice, <sip:x@10.0.0.10>" ', "Alice ", '"\\"" ', "\u00e4 "])


@st.composite
def uris(draw: st.DrawFn, hosts: list[str] | None = None) -> str:
    """A URI as a header value, in name-addr form or as addr-spec."""
    host = draw(st.sampled_from(hosts or HOSTS))
    scheme = draw(st.sampled_from(["sip:", "sips:", "SIP:"]))
    uri = f"{scheme}{draw(users)}{host}{draw(ports)}"
    if draw(st.booleans()):
        return f"{draw(displays)}<{uri}{draw(parameters)}>;tag=x"
    return uri.replace("+1555;x=y@", "y@") + ";q=1"


@st.composite
def vias(draw: st.DrawFn, hosts: list[str] | None = None) -> str:
    """A value of a Via header."""
    host = draw(st.sampled_from(hosts or HOSTS))
    transport = draw(st.sampled_from(["UDP", "TCP", "TLS"]))
    more = draw(
        st.sampled_from(["", ";rport", ";received=192.0.2.1;rport=7", ";maddr=198.51.100.3", ";received=10.0.0.10"])
    )
    return f"SIP/2.0/{transport} {host}{draw(ports)};branch=z9hG4bK{host.strip('[]')}{more}"


@st.composite
def headers(draw: st.DrawFn, hosts: list[str] | None = None) -> str:
    """A header line, perhaps with a list of values, perhaps folded."""
    name = draw(st.sampled_from(["Via", "v", *NAMES]))
    one = vias(hosts) if name in {"Via", "v"} else uris(hosts)
    values = draw(st.lists(one, min_size=1, max_size=3))
    return f"{name}:{draw(blanks)}{(',' + draw(blanks)).join(values)}"


@st.composite
def descriptions(draw: st.DrawFn, hosts: list[str] | None = None) -> str:
    """A session description with up to four media lines that share no port."""
    lines = ["v=0", f"o=- 1 1 IN IP4 {draw(st.sampled_from(hosts or HOSTS))}", "s=-"]
    lines += [f"c=IN IP4 {draw(st.sampled_from(hosts or HOSTS))}", "t=0 0"]
    starts = draw(st.lists(st.integers(128, 8000), max_size=4, unique=True))
    for start in starts:
        port = start * 8 + draw(st.integers(0, 1))
        transport = draw(st.sampled_from(["RTP/AVP", "udptl", "UDP/TLS/RTP/SAVPF", "TCP/MSRP"]))
        count = draw(st.sampled_from(["", "", "/2"]))
        lines.append(f"m=audio {draw(st.sampled_from([port, port, 0]))}{count} {transport} 0")
        host = draw(st.sampled_from(hosts or HOSTS))
        lines += draw(
            st.lists(
                st.sampled_from(
                    [
                        f"c=IN IP4 {host}",
                        f"a=rtcp:{port + 1}",
                        f"a=rtcp:{port + 5} IN IP4 {host}",
                        "a=rtcp-mux",
                        f"a=candidate:1 1 UDP 1 {host} {port} typ host",
                        f"a=candidate:2 2 udp 1 192.0.2.3 {port} typ srflx raddr {host} rport {port + 6}",
                        "a=setup:active",
                        "a=rtcp-mux-only",
                        "a=msrp-cema",
                        f"a=path:msrp://{host}:{port}/s;tcp",
                        f"a=remote-candidates:1 {host} {port} 2 198.51.100.20 5",
                    ]
                ),
                max_size=3,
                unique=True,
            )
        )
    return "\n".join(lines)


@st.composite
def messages(draw: st.DrawFn, hosts: list[str] | None = None) -> bytes:
    """A message, request or response, with or without a description."""
    method = draw(st.sampled_from(METHODS))
    start = f"{method} {draw(uris(hosts)).split(';tag')[0].split('>')[0].split('<')[-1]} SIP/2.0"
    if draw(st.booleans()):
        start = f"SIP/2.0 {draw(st.sampled_from([100, 180, 183, 200, 202, 401, 486, 603]))} Reason"
    lines = [f"Call-ID: {draw(st.sampled_from(['a', 'b', 'c@10.0.0.10']))}", f"CSeq: 1 {method}"]
    lines += draw(st.lists(headers(hosts), max_size=6))
    length = draw(st.sampled_from(["Content-Length: {}", "l:{}", "l : 0000{}", None]))
    if draw(st.booleans()):
        return sip(start, *lines, "c: application/sdp", body=draw(descriptions(hosts)), length=length)
    return sip(start, *lines, length=length)


@st.composite
def damaged(draw: st.DrawFn, originals: st.SearchStrategy[bytes]) -> bytes:
    """A message in which bytes were replaced, taken out, doubled or put in, or of which the end is missing."""
    data = bytearray(draw(originals))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        size = draw(st.integers(0, 12))
        match draw(st.sampled_from(["replace", "remove", "double", "insert", "cut", "repeat"])):
            case "replace":
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "remove":
                del data[at : at + size]
            case "double":
                data[at:at] = data[at : at + size * 8]
            case "insert":
                data[at:at] = bytes(draw(st.lists(st.sampled_from(MARKS), min_size=1, max_size=4)))
            case "repeat":
                data[at:at] = data[at : at + 1] * draw(st.sampled_from([2, 10, 5000]))
            case _:
                del data[at:]
    return bytes(data[:20_000])
