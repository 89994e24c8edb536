"""The requirements of RFC 4787 (UDP), RFC 5382 (TCP) and RFC 5508 (ICMP), each measured at any gateway.

gate       a gateway and what is asked of it: what is a host called outside, does this come in
udp, tcp, icmp    one probe for each requirement
accepted   what is known not to be as required, and why
table      all of it as a table
"""
