"""What the names of notes and of reasons for drops mean, in a line each, and what an operator can do about them."""

import re

NOTES = {
    "address-left": "addresses that are not translated: no rule of this gateway is about them",
    "address-shared": "DNS: hosts that share several addresses: told as they are, since nobody can say by which",
    "asymmetry": "packets that would have arrived otherwise than captured",
    "between-inside-hosts": "packets that do not pass the gateway",
    "between-outside-hosts": "packets that do not pass the gateway",
    "call-too-long": "calls ended at 'ip nat service sip maximum-call-duration'",
    "call-unanswered": "calls given up at 'ip nat service sip c-timeout': no final response came",
    "cseq-method-differs": "requests whose CSeq names another method",
    "cut-short-by-capture": "packets of which the capture kept only the beginning; record with 'tcpdump -s 0'",
    "dns-connection-already-open": "DNS connections whose beginning was not seen: only their headers are translated",
    "dns-pointer-too-far": "DNS: names that would no longer fit into their message: it goes on as it came",
    "door-without-binding": "doors not opened: the name they were to have belongs to nobody, or to another host",
    "epsv-all": "FTP: announcements other than by EPSV, though the client promised none ('EPSV ALL'): made void",
    "encoded-body": "bodies that are compressed or written as base64: not looked into",
    "encrypted-body": "bodies that are encrypted: not looked into",
    "extended-host-port": "FTP: EPRT without |family|address|port|: made void, see 'ip nat service ftp malformed'",
    "expected-source": "sources not denied though their INVITEs fail: an inside host has asked them something itself",
    "fragment-unreadable": "bodies that should be parts of SIP messages and are none: left as they are",
    "fragments-missing": "fragments of datagrams of which the rest did not come within 30 seconds",
    "ftp-connection-already-open": "FTP connections whose beginning was not seen: only their headers are translated",
    "guard-full": "INVITEs whose failure is not counted: too many sources, or too many of one, are watched already",
    "host-port": "FTP: PORT or 227 without h1,h2,h3,h4,p1,p2: a PORT is made void, see 'ip nat service ftp malformed'",
    "inactive-media": "calls whose doors closed at 'ip nat service sip inactive-media-timeout'; silent RTSP sessions",
    "ip-header-damaged": "frames whose IP header is not whole: passed unchanged",
    "ldap-connection-already-open": "LDAP connections whose beginning was not seen: only their headers are translated",
    "ldap-protected": "LDAP connections that a SASL layer encrypts or signs: passed, and never looked into again",
    "long-host-port": "FTP: LPRT (RFC 1639), which nobody needs: made void",
    "media-host-name": "media at a host name instead of an address",
    "no-content-length": "messages over TCP without Content-Length: taken to have no body",
    "noop-refused": "FTP: servers that refuse the NOOP by which the gateway asks after them, as some do before login",
    "not-dns": "something else on DNS's port: passed, and its flow is never looked into again",
    "not-ftp": "something else on FTP's port: passed, and its connection is never looked into again",
    "message-too-long": "LDAP: messages beyond 'ip nat service ldap max-message-size': they pass as they came",
    "netbios-ssn-connection-already-open": "NetBIOS sessions whose beginning was not seen: only headers are translated",
    "not-ip": "frames without an IP packet",
    "not-ldap": "something else on LDAP's port: passed, and its connection is never looked into again",
    "not-netbios": "something else on a port of NetBIOS: passed, and its flow is never looked into again",
    "not-rcmd": "something else on a port of rsh or rexec: passed, and its connection is never looked into again",
    "rcmd-connection-already-open": "rsh and rexec whose beginning was not seen: only their headers are translated",
    "not-rtsp": "something else on a port of RTSP: passed, and its connection is never looked into again",
    "not-sip": "something else on SIP's port: passed, and its flow is never looked into again",
    "not-tftp": "something else on TFTP's port: passed, and its flow is never looked into again",
    "other-address": "ports that could be had at another address only, where none is said (FTP: EPSV): made void",
    "passed-as-it-came": "messages that the configuration lets pass untouched: oversized, malformed or unknown ones",
    "pool-half-used": "DNS: no lease for a host that is only told of: half of each pool is kept for hosts that send",
    "port-number": "FTP and RCMD: announcements of a port above 65535: made void",
    "rtsp-connection-already-open": "RTSP connections whose beginning was not seen: only their headers are translated",
    "rtsp-over-http": "RTSP within HTTP: passed, and never looked into; media go the same way, and need no doors",
    "rtsp-transport": "RTSP: transports that cannot be read, or not by everybody alike: made void; of a server, left",
    "session-expired": "calls ended since nobody refreshed the session in the time that its answer says (RFC 4028)",
    "signed": "DNS: addresses in messages with signatures (DNSSEC, TSIG): left as they are",
    "signed-body": "bodies covered by a signature or by credentials (auth-int): left as they are",
    "signalling-port-refused": "no door to a port that signalling does not use",
    "sip-on-another-port": "flows of SIP on a port that is not served: 'ip nat service sip udp port N' serves it",
    "sip-connection-already-open": "TCP connections whose beginning was not seen: only their headers are translated",
    "source-denied": "sources denied for a while since their INVITEs failed, see 'show alg sip guard'",
    "tcp-checksum-wrong": "TCP connections that began with a wrong checksum: never looked into",
    "tcp-contradiction": "TCP data that came again as other data, which is an attack: not looked into from there on",
    "tcp-segment-missing": "TCP data that arrived but were not captured: not looked into from there on",
    "tcp-signed": "TCP connections with signatures (MD5, TCP-AO): not looked into",
    "telnet-in-command": "FTP: commands of Telnet within PORT, which not all servers read alike: made void",
    "third-party-address": (
        "no door to another host than the sender; of SIP, see 'trusted-media'; of FTP, the command is made void; "
        "of RTSP, the sender stands in its place"
    ),
    "too-many-commands": "FTP: commands beyond those that may wait for their replies ('quota commands')",
    "too-many-requests": (
        "TFTP: requests without a door, beyond those that may wait ('quota requests'); RTSP: requests beyond those "
        "that may wait for their responses"
    ),
    "too-many-sessions": "RTSP: sessions of an inside host beyond 'quota sessions': their transports are made void",
    "too-many-streams": "RTSP: streams of a session beyond 'quota streams': their transports are made void",
    "too-many-signalling-doors": "no more doors for one call",
    "too-many-values": "LDAP: entries with more addresses and ports than anybody has: left as they are",
    "tls": "encrypted signalling: passed, and never looked into",
    "unexpected-answer": "answers of no known dialog, or from another address than was asked: they change nothing here",
    "unknown-dialog": "requests without the tags of a known dialog: they announce nothing and end nothing",
    "unknown-method": "requests of a method without an RFC",
    "would-drop": "messages that are only passed because of the mode 'observe'",
    "would-open-door": "doors that are not opened because of the mode 'observe'",
    "would-rewrite": "messages that are not changed because of the mode 'observe' or 'pinhole-only'",
}

NOT_DONE = {
    "observe": "nothing of what follows is done, the message goes on as it came",
    "pinhole-only": "the message goes on as it came, only doors open",
}
"""What a mode keeps from happening."""

_BROKEN = "the message breaks the rules of its protocol (SIP: RFC 3261, RTSP: RFC 2326)"
_DNS = "DNS with an address that may be translated, which cannot be read"
_LIMIT = "more than any real message has"
_SDP = "the session description cannot be read"

DROPS = {
    "access-list": "an access list of an interface denies it, see 'show access-lists' (ip access-group)",
    "application-policy": "a policy for messages of its protocol resets it (policy-map type inspect sip)",
    "ber-length": "LDAP: an element that is longer than what it stands in, or whose length is of a form LDAP forbids",
    "ber-tag": "LDAP: an element with a tag of several bytes, which LDAP has none of",
    "body-shorter-than-content-length": "the datagram ends before the body that Content-Length promises",
    "call-id": f"{_BROKEN}: a Call-ID has no blanks",
    "call-id-twice": _BROKEN,
    "content-length": f"{_BROKEN}: Content-Length is no number",
    "content-length-twice": f"{_BROKEN}: two values, and the two sides might believe different ones",
    "cseq": f"{_BROKEN}: CSeq is not a number and a method",
    "cseq-twice": _BROKEN,
    "too-many-connections": "as many TCP connections as there may be are inspected at once (TCP mode vtcp)",
    "too-many-connections-of-host": "as many of them as one client may have are inspected at once",
    "connection-reset": "the gateway reset this TCP connection before, for a message that it could not let through",
    "ip-header-damaged": "NAT64: a packet whose IP header cannot be right",
    "damaged-packet": "the IP, TCP or UDP header cannot be right, or the capture kept too little of the packet",
    "datagram-header": "NetBIOS: a datagram that ends within its header",
    "denied-source": "its sender's INVITEs failed too often: 'show alg sip guard', 'ip nat service sip protect'",
    "damaged-segment": "its TCP checksum is wrong: its sender will send it again",
    "dns-cut-short": f"{_DNS}: it ends before its last record does",
    "dns-label": f"{_DNS}: a label of a kind that nobody uses",
    "dns-name-too-long": f"{_DNS}: a name of more than 255 bytes",
    "dns-pointer": f"{_DNS}: a pointer that leads to no name before it",
    "esp-answer-ambiguous": "an SPI that several inside hosts may have chosen who talk to that server: docs/ipsec.md",
    "esp-header": "it is shorter than an ESP header, or its SPI is 0, which is never sent (RFC 4303, section 2.1)",
    "esp-other-host-waits": "another inside host waits for the first answer of that server: this one has its turn next",
    "esp-other-vrf": "it is for a host of another VRF behind the same outside, whose NAT gets it next",
    "esp-too-many-tunnels": "as many tunnels as there may be: of all, of that host, or begun by that server",
    "esp-too-many-waiting": "this inside host waits for the answers of 32 servers already",
    "esp-unknown-spi": (
        "no inside host has a tunnel with that server, nor waits for its answer. To be reached from outside, a host "
        "needs 'ip nat inside source static esp LOCAL interface NAME'"
    ),
    "fragments beyond 65535 bytes": "an attack: no datagram is that long",
    "header-line-too-long": "longer than 'ip nat service sip quota header-length'",
    "header-line": f"{_BROKEN}: a line that is no header",
    "host-over-quota": "this inside host has 16,384 ports of the shared address already",
    "icmp-fragment": "NAT64: a fragment of an ICMP message, which is not translated (RFC 7915, section 1.2)",
    "icmp-type": "NAT64: an ICMP message that the other family has no counterpart of (RFC 7915, sections 4.2 and 5.2)",
    "icmp-error-damaged": "an ICMP error whose checksum is wrong: it may say anything",
    "icmp-error-without-quote": "the error quotes too little to say which packet it is about, or to be translated",
    "icmp-error-without-session": "the error is about a packet that did not pass here",
    "malformed fragment": "its length or its place in the datagram cannot be right",
    "ldap-element": "LDAP: another element than the message must have there (RFC 4511, section 4)",
    "max-entries": "as many translations as 'ip nat translation max-entries' allows",
    "max-entries-of-host": "this inside host has as many as 'ip nat translation max-entries all-host' or 'host' allows",
    "max-entries-of-list": "hosts of this access list have as many as 'ip nat translation max-entries list' allows",
    "message-too-long": (
        "with the new addresses it would no longer fit into a datagram; over TCP, it is longer than "
        "'ip nat service sip max-message-size'. 'ip nat service sip oversized pass' lets it pass as it came"
    ),
    "multipart-without-boundary": _BROKEN,
    "ike-association-taken": "another inside host speaks IKE with that server by this initiator's SPI",
    "ike-header": "no IKE message is among what this host has sent to that server from port 500",
    "ike-other-vrf": "it is for a host of another VRF behind the same outside, whose NAT gets it next",
    "ike-several-hosts": "that server begins an exchange, and several inside hosts that keep port 500 speak with it",
    "ike-too-many": "as many pairs of host and server speak IKE on port 500 as there may be, or as many of this host",
    "ike-unknown-association": "a server's message about an exchange that no inside host has with it from port 500",
    "invite-rate": "more INVITEs of one source in a second than 'ip nat service sip protect rate' allows",
    "kernel-refused": "the kernel could not be told what the message announces: see the log",
    "name-label": "NetBIOS: a name that is no series of labels (RFC 1002, section 4.1)",
    "name-record": "NetBIOS: a packet of the name service that ends within a record, or has an odd list of owners",
    "name-taken": "something else has the name outside that was saved",
    "no-call-id": f"{_BROKEN}: no Call-ID",
    "no-connection-line": f"{_SDP}: media without a c= line",
    "nat64-destination": "NAT64: to no address that a host of IPv4 can have: behind the prefix, or without it",
    "nat64-source": "NAT64: from an address that no IPv6 host behind this gateway can have",
    "no-nat64-rule": "NAT64: no list of a rule permits this IPv6 host (nat64 v6v4 list)",
    "no-stand-in": "NAT64: about, or to, an IPv6 host that is not known here (any more): it sent nothing for long",
    "no-udp-checksum": "NAT64: a fragment of a datagram without a checksum, which IPv6 must have",
    "no-session-or-door": "no inside host talked to that sender, and no message announced this flow to it",
    "no-zone-pair": "no zone pair with a policy leads from the sender's zone to the receiver's (zone-pair security)",
    "no-translation": (
        "no inside host has this name and port outside: it neither sent nor registered from there before. "
        "To be reached from outside it needs 'ip nat inside source static LOCAL GLOBAL'"
    ),
    "not-redirected": "somebody connected to the TCP proxy itself, whom the kernel did not lead there",
    "one-connection-line-two-addresses": "ports of one c= line have names at different global addresses",
    "overlapping fragments": "an attack: fragments that contradict each other",
    "outside-host-unknown": "it came from a name inside that is leased to outside hosts, and no capture says to which",
    "pool-exhausted": "all addresses of the pool are in use: a larger pool, or 'overload' at the end of the rule",
    "port-not-allowed": "a message announces a privileged port, or that of a well-known service",
    "port-pair-unavailable": "no even port with the odd one above it is left for RTP and RTCP",
    "ports-exhausted": "all ports of the global address are in use: give the rule a pool with more addresses",
    "packet-too-long": "NAT64: an IPv6 packet that is longer than one of IPv4 can be",
    "protocol-of-one-family": "NAT64: what it carries means something else, or nothing, in the other family",
    "quote-cut": "NAT64: an ICMP error that quotes less than the header of the packet it is about",
    "source-route": "NAT64: a packet that is to pass certain routers and has not passed them",
    "stand-ins-exhausted": "NAT64: the hosts of this rule are 65,536 already, and none of them is idle for long",
    "protocol-without-ports": "a shared address tells hosts apart by ports: the host needs a static translation",
    "retarget-response": "NetBIOS: a retarget response that is no address and port",
    "request-cut-short": "TFTP: a request in which the name of the file or the mode has no end",
    "sdp-candidate": _SDP,
    "sdp-connection-twice": f"{_SDP}: two c= lines where there may be one",
    "sdp-media-line": _SDP,
    "sdp-rtcp-attribute": _SDP,
    "shutdown": "the gateway ended while the connection was being made",
    "spoofed-source": "it comes from outside with the address of an inside host",
    "start-line": f"{_BROKEN}: the first line is neither of a request nor of a response",
    "status-code": f"{_BROKEN}: a status code has three digits",
    "tcp-not-answered": "a segment of an end whose SYN nobody has answered: neither another SYN nor a reset",
    "third-party-address": (
        "a message announces media at another inside host than its sender, or at the gateway. An exchange may, if "
        "'ip nat service sip trusted-media' names it and that host is translated"
    ),
    "too many datagrams in fragments": "a flood of fragments",
    "too many datagrams in fragments from one source": "a flood of fragments",
    "too many fragments in a datagram": "a flood of fragments",
    "too-many-calls": (
        "this inside host has as many calls as 'ip nat service sip quota calls' allows, or as many begun by others as "
        "'ip nat service sip quota incoming-calls' does"
    ),
    "too-many-candidates": _LIMIT,
    "too-many-doors": "the call would have more doors than 'ip nat service sip quota doors' allows",
    "too-many-headers": "more header lines than 'ip nat service sip quota headers' allows; of RTSP, than 256",
    "too-many-media-lines": "more media lines than 'ip nat service sip max-streams' allows",
    "too-many-names": _LIMIT,
    "too-many-owners": _LIMIT,
    "too-many-parts": _LIMIT,
    "too-many-records": _LIMIT,
    "too-many-transports": _LIMIT,
    "too-many-uris": _LIMIT,
    "too-many-ports": _LIMIT,
    "too-many-values": "more addresses than 'ip nat service sip quota values' allows",
    "uncommitted": "the kernel could not be told of the connection: see the log",
    "unknown-method": "a method without an RFC: 'ip nat service sip unknown-message permit' lets it pass",
    "zone-invalid-packet": "it begins nothing: neither the first of a connection nor a request, and nobody is known",
    "zone-police": "more than the rate of its class allows (police rate)",
    "zone-policy": "the policy of the zone pair drops flows of its class, see 'show policy-map type inspect zone-pair'",
    "zone-session-limit": "as many sessions as the parameter map of its class, or the global one, allows",
}

_ALG = re.compile(r"^[a-z0-9]+: ")


def meaning_of_note(name: str) -> str:
    """What a note says; "" for one that says it all by its name. What is a reason for a drop elsewhere can be noted."""
    return NOTES.get(name) or DROPS.get(name, "")


def meaning_of_drop(reason: str) -> str:
    """What a reason for a drop says, that of an ALG with the ALG's name before it; "" for one that is not known."""
    return DROPS.get(_ALG.sub("", reason), "")
