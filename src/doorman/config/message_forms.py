"""What can be matched in messages of each application, line by line: for commands and for rendering."""

from collections.abc import Mapping
from typing import NamedTuple

from doorman.config.applications import Criterion, Test, Whose

_WHOSE = "WHOSE:request|response|req-resp"
_REQUEST = "WHOSE:request"
_HEADER = "HEADER:word"
HEADER_FIELD = "header:"
"""What the fields of headers begin with; their names in small letters come behind it."""


class Form(NamedTuple):
    """A way to write a criterion.

    Attributes:
        words: what stands behind `match [not]`, with variables for whose message and which header it is about.
        field: what is looked at; of headers only the beginning.
        test: what about it.
        operand: the variable at the end, "" for none.
        whose: of which messages; None where that is typed.
        effect: what it covers.
    """

    words: str
    field: str
    test: Test
    operand: str
    whose: Whose | None
    effect: str

    @property
    def grammar(self) -> str:
        """The command."""
        return " ".join(filter(None, ("match [NOT:not]", self.words, self.operand)))

    def text(self, criterion: Criterion) -> str:
        """A criterion of this form, without its first word."""
        words = self.words.replace(_WHOSE, criterion.whose).replace(_REQUEST, criterion.whose)
        words = words.replace(_HEADER, criterion.field.removeprefix(HEADER_FIELD))
        operand = str(criterion.operand) if self.operand else ""
        return " ".join(filter(None, ("not" if criterion.negated else "", words, operand)))

    def is_of(self, criterion: Criterion) -> bool:
        """Whether a criterion is written so."""
        field = HEADER_FIELD if criterion.field.startswith(HEADER_FIELD) else criterion.field
        return (field, criterion.test) == (self.field, self.test) and self.whose in {None, criterion.whose}


_NUMBER = "NUMBER:0-65535"
_PATTERNS = "PATTERNS:word"

FORMS: Mapping[str, tuple[Form, ...]] = {
    "sip": (
        Form(f"{_REQUEST} method", "method", "is", "METHOD:word", "request", "Match requests of this method."),
        Form(
            f"{_WHOSE} header {_HEADER} length gt", HEADER_FIELD, "length gt", _NUMBER, None,
            "Match messages with a header of this name whose value is longer, in bytes.",
        ),
        Form(
            f"{_WHOSE} header {_HEADER} count gt", HEADER_FIELD, "count gt", _NUMBER, None,
            "Match messages with more headers of this name.",
        ),
        Form(
            f"{_WHOSE} header {_HEADER} regex", HEADER_FIELD, "regex", _PATTERNS, None,
            "Match messages with a header of this name in which a pattern of the parameter map is found.",
        ),
        Form(f"{_REQUEST} uri length gt", "uri", "length gt", _NUMBER, "request", "Match requests with a longer URI."),
        Form(f"{_REQUEST} uri regex", "uri", "regex", _PATTERNS, "request", "Match requests by patterns in their URI."),
        Form("content type regex", "content-type", "regex", _PATTERNS, "req-resp", "Match bodies by their type."),
        Form("content type", "content-type", "is", "TYPE:word", "req-resp", "Match messages with such a body."),
        Form("content length gt", "content-length", "gt", _NUMBER, "req-resp", "Match messages with a longer body."),
        Form("max-forwards gt", "max-forwards", "gt", _NUMBER, "req-resp", "Match messages that may go on more often."),
        Form("protocol-violation", "protocol-violation", "there", "", "req-resp", "Match what breaks the protocol."),
        Form("unknown header", "unknown-header", "there", "", "req-resp", "Match messages with unregistered headers."),
    ),
    "ftp": (
        Form(
            "request-command", "request-command", "is", "COMMANDS:line", "request",
            "Match these commands of clients, such as `dele rmd site`.",
        ),
    ),
}  # fmt: skip
"""The forms of each application."""


def criterion_text(protocol: str, criterion: Criterion) -> str:
    """A criterion without its first word."""
    return next(form.text(criterion) for form in FORMS[protocol] if form.is_of(criterion))
