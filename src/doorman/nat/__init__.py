"""Who is seen as whom: rules, address pools, ports, bindings, and the rewriting of packets."""
