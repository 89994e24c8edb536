"""Requirements that a gateway of ours is known not to meet, each with the reason for which that is accepted."""

_PORTS = (
    "The kernel picks the ports of ordinary flows, from 32768 on and for each peer anew: ports of the engine's own "
    "names, those of signalling and media, are as in replay."
)
_FILTER = "Stricter than recommended: who else may send is what doors are for, and static names are open to all."
_HAIRPIN = (
    "The kernel knows names of ordinary flows by their peer; static names and those of signalling and media meet."
)
_ALG = "ALGs are what this gateway is for, as on IOS; `ip nat service profile rfc4787` turns them off."
_TRANSITORY = "IOS's default; `ip nat translation syn-timeout 240` and `finrst-timeout 240` make it as required."
_OWN_ADDRESS = "The address is the machine's, which answers for itself: a firewall's input policy can keep it silent."
_WRONG_QUOTE = (
    "As the kernel does: routers exist that lower the time to live in the quote alone. It stays as wrong as it was."
)
_REPORTER = "As the kernel does: the error comes from the name of the host it is about. No private address is shown."
_SILENT = "It is dropped and counted; who asks is not told, as on IOS."

_BOTH = ("replay", "live")
_ACCEPTED = (
    ("4787-3", ("live",), _PORTS),
    ("4787-4", ("live",), _PORTS),
    ("4787-8", _BOTH, _FILTER),
    ("4787-9 hairpins between ordinary flows", ("live",), _HAIRPIN),
    ("4787-10", _BOTH, _ALG),
    ("5382-3", _BOTH, _FILTER),
    ("5382-4", ("live",), _OWN_ADDRESS),
    ("5382-5 opening and closing ones live 4 min", _BOTH, _TRANSITORY),
    ("5382-6", _BOTH, _ALG),
    ("5382-7", ("live",), _PORTS),
    ("5382-8 hairpins between ordinary flows", ("live",), _HAIRPIN),
    ("5508-1a", ("live",), _PORTS),
    ("5508-3a", _BOTH, _WRONG_QUOTE),
    ("5508-5c", _BOTH, _REPORTER),
    ("5508-8", _BOTH, _SILENT),
)
ACCEPTED = {(name, subject): reason for name, subjects, reason in _ACCEPTED for subject in subjects}
"""The reasons, by requirement and gateway."""
