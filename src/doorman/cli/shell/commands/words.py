"""Help texts of the words with which many commands begin."""

SHOW = {"show": "Show running system information"}

IP_NAT = {
    "ip": "IP information",
    "nat": "IP NAT information",
}
