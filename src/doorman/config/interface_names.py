"""Names of interfaces: those of Linux as they are, those of IOS in their one canonical spelling.

`gigabitethernet 0/0/0`, `gi 0/0/0` and `Gi0/0/0` are all `GigabitEthernet0/0/0`. A name that Linux may use, which has
neither a blank nor a slash (`eth0.100`, `vlan10`), stays as it is typed, unless it spells out an IOS Ethernet. A type
alone, such as `vlan`, is no name: its number may follow.
"""

import re

_TYPES = (
    "Ethernet",
    "FastEthernet",
    "GigabitEthernet",
    "TenGigabitEthernet",
    "TwentyFiveGigE",
    "FortyGigabitEthernet",
    "HundredGigE",
    "Port-channel",
    "Serial",
    "Loopback",
    "Tunnel",
    "Vlan",
    "Dialer",
    "BDI",
)
_NUMBERED = re.compile(r"([A-Za-z][A-Za-z-]+)([ \t]*)([0-9]+(?:[/:.][0-9]+)*)(?![^ \t])")
_PLAIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.:/@+-]{0,63})(?![^ \t])")


def read_interface_name(rest: str) -> tuple[str, int] | None:
    """Read the name a text begins with: its canonical form and how many characters were read; None if it is none."""
    numbered = _NUMBERED.match(rest)
    if numbered is not None:
        letters, blanks, number = numbered.groups()
        name = _type_name(letters, abbreviated="/" in number)
        if name and (blanks or "/" in number or name.endswith("Ethernet")):
            return name + number, numbered.end()
    plain = _PLAIN.match(rest)
    if plain is None or _type_name(plain[1], abbreviated=False):
        return None
    return plain[1], plain.end()


def natural_order(name: str) -> tuple[list[tuple[int, str]], str]:
    """A key that sorts `eth2` before `eth10`."""
    parts = [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name) if part]
    return parts, name


def _type_name(letters: str, *, abbreviated: bool) -> str | None:
    wanted = letters.lower()
    matches = [name for name in _TYPES if name.lower() == wanted]
    if not matches and abbreviated:
        matches = [name for name in _TYPES if name.lower().startswith(wanted)]
    return matches[0] if len(matches) == 1 else None
