"""`show alg sip statistics`, and the same counters in the form of IOS-XE."""

from collections.abc import Iterator

from doorman.algs.sip.statistics import OTHERS_OF_1XX, OTHERS_OF_2XX
from doorman.cli.reasons import meaning_of_drop, meaning_of_note
from doorman.cli.show.statistics import counted, listed
from doorman.cli.show.table import table
from doorman.dataplanes.report import Json

_WAYS = (("udp", "outbound"), ("udp", "inbound"), ("tcp", "outbound"), ("tcp", "inbound"))
_HEADINGS = ("  Message", "UDP out", "UDP in", "TCP out", "TCP in", "Total")


def show_alg_statistics(found: Json) -> Iterator[str]:
    """Messages by method and by class of response, all rows; then drops and notes by name."""
    yield f"Messages: {sum(row['total'] for row in found['rows'])}"
    yield from message_rows(found["rows"])
    if found["repeated"]:
        yield f"Sent again: {listed(found['repeated'])}"
    if found["totals"]:
        yield f"Totals: {listed(found['totals'])}"
    yield from counted("Drops", found["drops"], meaning_of_drop)
    yield from counted("Notes", found["notes"], meaning_of_note)


def message_rows(rows: list[Json]) -> Iterator[str]:
    """The rows as a table: out is from inside to outside."""
    cells = [
        [f"  {row['name']}", *(str(row[transport][way]) for transport, way in _WAYS), str(row["total"])] for row in rows
    ]
    yield from table(_HEADINGS, cells, most=len(cells))


_Line = tuple[tuple[str, str], ...]
"""What stands before each number, and which number that is."""
_OK = " -> 200-OK:"
_RECEIVED: tuple[_Line, ...] = (
    (("Register:", "REGISTER"), (_OK, "accepted REGISTER")),
    (("Invite:", "INVITE"), (_OK, "accepted INVITE"), ("   Rexmit-invite", "repeated INVITE")),
    (("Update:", "UPDATE"), (_OK, "accepted UPDATE")),
    (("Bye:", "BYE"), (_OK, "accepted BYE")),
    (("Subscribe:", "SUBSCRIBE"), (_OK, "accepted SUBSCRIBE")),
    (("Refer:", "REFER"), (_OK, "accepted REFER")),
    (("Prack:", "PRACK"), (_OK, "accepted PRACK")),
    (("Trying:", "100"), ("    Ringing:", "180"), ("    Ack:", "ACK")),
    (("Info:", "INFO"), ("    Cancel:", "CANCEL"), ("    Sess Prog:", "183")),
    (("Message:", "MESSAGE"), ("    Notify:", "NOTIFY")),
    (("Publish:", "PUBLISH"), ("    Options:", "OPTIONS")),
    (("1xx:", OTHERS_OF_1XX), ("    2xx:", OTHERS_OF_2XX)),
    (("OtherReq:", "unknown"), ("    OtherOk:", "other 200"), ("    3xx-6xx:", "3XX-6XX")),
)
_EVENTS: tuple[_Line, ...] = (
    (("Malform Media:", "malformed media"), ("   No Content Length:", "note no-content-length")),
)
_ERRORS: tuple[_Line, ...] = (
    (("Bad Format:", "malformed"), ("    No Call-id:", "drop no-call-id")),
    (("Huge Size:", "drop message-too-long"), ("    Not SIP Msg:", "note not-sip")),
)
_DOS: _Line = (("Blacklisted:", "drop denied-source"),)
_RECEIVED_WIDTHS = (21, 24, 28)
_WIDTHS = (31, 36)
_WITH_OWN_OK = frozenset({"REGISTER", "INVITE", "UPDATE", "BYE", "SUBSCRIBE", "REFER", "PRACK"})


def show_qfp_statistics(found: Json) -> Iterator[str]:
    """The same counters as `show platform hardware qfp active feature alg statistics sip` has them.

    What this ALG does not have (chunks of memory, trunk channels) is left out; drops follow by their own names.
    """
    numbers = _numbers(found)
    yield f"SIP info pool used chunk entries number: {sum(found['totals'].values())}"
    yield ""
    yield "RECEIVE"
    yield from (_line(line, _RECEIVED_WIDTHS, numbers) for line in _RECEIVED)
    yield ""
    yield "Events"
    yield from (_line(line, _WIDTHS, numbers) for line in _EVENTS)
    yield ""
    yield "Errors"
    yield from (_line(line, _WIDTHS, numbers) for line in _ERRORS)
    yield ""
    yield "DoS Errors"
    yield _line(_DOS, _WIDTHS, numbers)
    yield ""
    yield from counted("Drops", found["drops"], meaning_of_drop)


def _numbers(found: Json) -> dict[str, int]:
    """All that is counted, by the names above."""
    numbers = {row["name"]: row["total"] for row in found["rows"]}
    numbers["3XX-6XX"] = sum(numbers[name] for name in ("3XX", "4XX", "5XX", "6XX"))
    numbers["other 200"] = sum(count for name, count in found["accepted"].items() if name not in _WITH_OWN_OK)
    numbers["malformed media"] = sum(count for name, count in found["drops"].items() if name.startswith("sip: sdp-"))
    numbers |= {f"accepted {name}": count for name, count in found["accepted"].items()}
    numbers |= {f"repeated {name}": count for name, count in found["repeated"].items()}
    numbers |= {f"drop {name.partition(': ')[2]}": count for name, count in found["drops"].items()}
    return numbers | {f"note {name}": count for name, count in found["notes"].items()}


def _line(line: _Line, widths: tuple[int, ...], numbers: dict[str, int]) -> str:
    cells = zip(line, widths, strict=False)
    return "".join(name + str(numbers.get(key, 0)).rjust(width - len(name)) for (name, key), width in cells)
