"""What the RTSP ALG counts: requests by their method, responses by their code (RFC 2326, section 7.1.1; RFC 7826)."""

from doorman.algs.statistics import rows
from doorman.wire.rtsp import METHODS

ROWS = rows(
    sorted(method.decode("ascii") for method in METHODS),
    {
        "1": ("100",),
        "2": ("200", "250"),
        "3": ("301", "302", "303", "304"),
        "4": ("400", "401", "403", "404", "405", "451", "453", "454", "455", "457", "459", "460", "461", "463"),
        "5": ("500", "501", "503", "505", "551"),
    },
)
