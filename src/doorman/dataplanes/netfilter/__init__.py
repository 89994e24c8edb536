"""The Linux kernel as data plane: nftables, conntrack and NFQUEUE, spoken to by netlink."""
