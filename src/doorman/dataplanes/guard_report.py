"""Whom the SIP ALG's guard watches and denies, as JSON: the same for the live gateway and for tests."""

from collections.abc import Iterator

from doorman.algs.sip.alg import SipAlg
from doorman.algs.sip.guard import Guard, Suspect
from doorman.dataplanes.report import Json
from doorman.engine.engine import Engine
from doorman.net.addresses import Address, address_text


def guard_entries(engine: Engine, now: float) -> Iterator[Json]:
    """A source and the server where its INVITEs fail; those who are denied first, then in the order of their coming."""
    guard = _guard(engine)
    suspects = list(guard) if guard is not None else []
    for wanted in (True, False):
        yield from (_entry(one, now) for one in suspects if (one.denied_until > now) == wanted)


def _entry(suspect: Suspect, now: float) -> Json:
    source, server = suspect.pair
    denied = suspect.denied_until > now
    return {
        "source": address_text(source),
        "server": address_text(server),
        "state": "denied" if denied else "watched",
        "left": suspect.denied_until - now if denied else None,
        "failures": suspect.failures,
        "refused": suspect.refused,
    }


def clear_guard(engine: Engine, source: Address | None) -> int:
    """Hear a source again, or all; say how many entries there were of it."""
    guard = _guard(engine)
    return guard.clear(source) if guard is not None else 0


def _guard(engine: Engine) -> Guard | None:
    alg = engine.inspector.algs.get("sip")
    return alg.guard if isinstance(alg, SipAlg) else None
