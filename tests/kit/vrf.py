"""Two VRFs, red and blue, with the same addresses inside, behind one outside or one each."""

INSIDES = """
vrf definition red
 rd 65000:1
vrf definition blue
 rd 65000:2
interface red0
 vrf forwarding red
 ip address 10.0.0.1 255.255.255.0
 ip nat inside
interface blue0
 vrf forwarding blue
 ip address 10.0.0.1 255.255.255.0
 ip nat inside
access-list 1 permit 10.0.0.0 0.0.0.255
"""
SHARED = """
interface out0
 ip address 203.0.113.1 255.255.255.0
 ip nat outside
"""
OVERLOAD = (
    INSIDES
    + SHARED
    + "ip nat inside source list 1 interface out0 vrf red overload\n"
    + "ip nat inside source list 1 interface out0 vrf blue overload\n"
)
POOL = (
    INSIDES
    + SHARED
    + "ip nat pool P 203.0.113.20 203.0.113.21 prefix-length 24\n"
    + "ip nat inside source list 1 pool P vrf red\n"
    + "ip nat inside source list 1 pool P vrf blue\n"
)
OWN_OUTSIDES = INSIDES + "".join(
    f"interface out-{vrf}\n vrf forwarding {vrf}\n ip address 203.0.113.1 255.255.255.0\n ip nat outside\n"
    f"ip nat inside source list 1 interface out-{vrf} vrf {vrf} match-in-vrf overload\n"
    for vrf in ("red", "blue")
)
