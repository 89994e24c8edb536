"""Help texts of the words with which many commands begin."""

IP_NAT = {
    "ip": "Global IP configuration subcommands",
    "nat": "NAT configuration commands",
}

INSIDE_SOURCE = IP_NAT | {
    "inside": "Inside address translation",
    "source": "Source address translation",
}

TRANSPORT = {
    "tcp": "Transmission Control Protocol",
    "udp": "User Datagram Protocol",
}
