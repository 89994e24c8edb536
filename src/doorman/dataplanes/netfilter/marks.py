"""The bits of the conntrack mark and the packet mark that are ours; all others belong to the operator."""

INSPECTED = 0x0008_0000
"""Of a flow: its packets go to the ALG. Of a packet of TCP: it comes from there, its numbers are those of its way."""
OURS = 0x0010_0000
"""Of a flow: it goes through a name that the engine gave, and the engine hears of its begin and its end."""
PROXIED = 0x0020_0000
"""Of a flow: it is one leg of a TCP connection that ends at the proxy. Of a packet: it is of a second leg."""
VRF = 0xFF00_0000
"""Of a packet: the number of the VRF in whose routing table it finds its way; 0 for none."""
PLAIN = 0x0040_0000
"""Of a flow: it does not speak the protocol of its port; it is never inspected again."""
AUDITED = 0x0004_0000
"""Of a flow: it is a session of the firewall whose beginning and end are told (`audit-trail`)."""
OUTWARD = 0x0004_0000
"""Of a packet: it goes to a name of outside hosts whose own addresses may lie inside, see `outside_routes`."""
ADMITTED = 0x0080_0000
"""Of a flow: a policy of the firewall inspects it, or it came by a door; its packets pass, whoever sends them."""
CARRIED = 0x0002_0000
"""Of a flow: from or to a port of DNS, whose messages tell of other hosts. Of a packet: it is such a message, for the
queue, before it is routed."""
