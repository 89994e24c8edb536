"""Translating the bodies of SIP messages, by their types (RFC 5621).

    application/sdp                            addresses and ports; what they announce needs doors
    application/…+xml                          URIs of users: dialog states, presence, lists, conferences, registrations
    application/simple-message-summary         the account to call (RFC 3842)
    message/sipfrag, message/sip               headers, and a body again (RFC 3420)
    multipart/…                                each part by its own type

All but a description is only mentioned: it says who somebody is and where, but asks for nothing to be opened.
"""

import re
from typing import Final, Literal

from doorman.algs.api import Edit, Nat, Note
from doorman.algs.edits import corrected
from doorman.algs.sip.description import translate_description
from doorman.algs.sip.headers import translate_headers
from doorman.algs.sip.media import Announced
from doorman.algs.sip.mention import Mention
from doorman.algs.sip.naming import Naming, Treatment
from doorman.net.edits import growth
from doorman.wire.malformed import Malformed
from doorman.wire.multipart import Part, find_parts
from doorman.wire.places import Place
from doorman.wire.sdp import read_sdp
from doorman.wire.sip import SipMessage, read_fragment
from doorman.wire.sip_lines import KINDS
from doorman.wire.uri import find_request_uri, find_uris
from doorman.wire.xml_uris import find_xml_uris

MAX_MEDIA: Final = 12
"""Media lines of a description, as Cisco IOS and Junos have it (channels per call)."""
MAX_DEPTH: Final = 3
"""Messages within messages; deeper ones are left unread."""

_XML_REACHED: Final = Treatment("XML URI", "", routing=True)
_XML_NAMED: Final = Treatment("XML URI", "", routing=False)
_REACHED: Final = frozenset({b"uri", b"target-uri", b"contact", b"reference"})
"""Attributes and elements that say where requests are sent; others say who somebody is."""
_DIALOG: Final = frozenset({b"call-id", b"local-tag", b"remote-tag", b"id"})
"""What identifies a dialog, whatever it looks like, is never changed."""
_ACCOUNT_URI: Final = Treatment("Message-Account", "", routing=True)
_ACCOUNT: Final = re.compile(rb"^message-account[ \t]*+:([^\r\n]*+)", re.IGNORECASE | re.MULTILINE)
_FRAGMENTS: Final = frozenset({b"message/sipfrag", b"message/sip"})
_ENCRYPTED: Final = (b"application/pkcs7", b"application/x-pkcs7", b"application/pgp-encrypted", b"multipart/encrypted")
_AUTH_INT: Final = re.compile(rb"[,\s]qop\s*+=\s*+\"?auth-int\b", re.IGNORECASE)
_COST: Final = 4
"""Addresses that a media line counts as: it takes as long as so many in headers."""
_Form = Literal["description", "xml", "fragment", "summary", ""]
"""What is made of a part; "" for nothing."""
_ENCODING: Final = KINDS["content-encoding"]
_TRANSFER: Final = KINDS["content-transfer-encoding"]
_CREDENTIALS: Final = KINDS["authorization"]
_PROXY_CREDENTIALS: Final = KINDS["proxy-authorization"]
_AS_IT_IS: Final = frozenset({b"", b"7bit", b"8bit", b"binary", b"identity"})


def translate_body(sip: SipMessage, naming: Naming, max_media: int = MAX_MEDIA) -> list[Announced] | None:
    """Translate a message's body, and add to the edits and effects of its naming; what it announces, None for nothing.

    Raises:
        Malformed: a description or multipart cannot be read, or is over a limit.
        Refused: something may not be announced, or no name is left for it.
    """
    if sip.body_end == sip.body_start:
        return None
    body = BodyTranslation(sip, naming, naming.nat, max_media)
    body.run()
    if body.edits:
        naming.edits += body.edits
        naming.edits.sort()
    return body.announced


class BodyTranslation:
    """One body on its way through the NAT.

    Args:
        sip: whose body it is.
        naming: how the message names what it mentions.
        nat: what is announced is exposed through.
        max_media: media lines that a description may have.
        depth: how many messages are around it.

    Attributes:
        edits: what is to be changed, the lengths included; in no order.
        announced: what its session descriptions announce, None without any.
    """

    __slots__ = (
        "_choice", "_data", "_depth", "_max_media", "_mention", "_naming", "_nat", "_sip", "announced", "edits",
    )  # fmt: skip

    def __init__(self, sip: SipMessage, naming: Naming, nat: Nat, max_media: int, depth: int = 0) -> None:
        self._sip = sip
        self._data = sip.data
        self._naming = naming
        self._nat = nat
        self._max_media = max_media
        self._depth = depth
        self._choice = -1
        self._mention: Naming | None = None
        self.edits: list[Edit] = []
        self.announced: list[Announced] | None = None

    def run(self) -> None:
        """Translate all of it.

        Raises:
            Malformed: see `translate_body`.
            Refused: the same.
        """
        sip = self._sip
        covered = _covered(sip)
        if covered:
            self._note(covered)
            return
        longer = 0
        counted: dict[tuple[Place, ...], int] | None = None
        for part in find_parts(self._data, sip.value("content-type"), sip.body_start, sip.body_end):
            edits = self._part(part)
            if edits:
                self.edits += edits
                if part.lengths:
                    counted = counted or {}
                    counted[part.lengths] = counted.get(part.lengths, 0) + growth(edits)
                else:
                    longer += growth(edits)
        if counted:
            longer += self._correct(counted)
        length = sip.length if longer else None
        if length is not None:
            self.edits.append(corrected(self._data, (length.start, length.end), longer))

    def _part(self, part: Part) -> list[Edit]:
        form = self._form(part)
        if not form:
            return self._note("encrypted-body") if part.content_type.startswith(_ENCRYPTED) else []
        if part.signed:
            return self._note("signed-body")
        if part.encoded:
            return self._note("encoded-body")
        if form == "description":
            return self._description(part)
        if form == "xml":
            return self._xml(part)
        return self._fragment(part) if form == "fragment" else self._summary(part)

    def _form(self, part: Part) -> _Form:
        kind = part.content_type
        if kind == b"application/sdp" or (not kind and self._data.startswith(b"v=0", part.start)):
            return "description"
        if kind.endswith((b"+xml", b"/xml")):
            return "xml"
        if kind in _FRAGMENTS:
            return "fragment" if self._depth < MAX_DEPTH else ""
        return "summary" if kind == b"application/simple-message-summary" else ""

    def _description(self, part: Part) -> list[Edit]:
        sdp = read_sdp(self._data, part.start, part.end, self._sip.text)
        self._naming.spend(sum(_COST + len(one.candidates) + len(one.remote) + len(one.path) for one in sdp.media))
        edits: list[Edit] = []
        announced = translate_description(self._data, sdp, self._nat, self._max_media, edits, self._naming.effects)
        if self.announced is None:
            self.announced = announced
            self._choice = part.alternative
        elif part.alternative < 0 or part.alternative != self._choice:
            self.announced += announced
        else:
            # Another way to say the same (RFC 2046, section 5.1.4): whichever is chosen, these are the streams.
            _merge(self.announced, announced)
        return edits

    def _xml(self, part: Part) -> list[Edit]:
        data, naming = self._data, self._mentioned()
        uris = find_xml_uris(data, part.start, part.end, self._naming.budget)
        self._naming.spend(len(uris))
        for start, end, name in uris:
            if name in _DIALOG:
                continue
            treatment = _XML_REACHED if name.lower() in _REACHED else _XML_NAMED
            for place in find_request_uri(data[start:end]):
                naming.place(start, place, treatment)
        return naming.edits

    def _summary(self, part: Part) -> list[Edit]:
        naming = self._mentioned()
        for account in _ACCOUNT.finditer(self._data, part.start, part.end):
            places = find_uris(account[1], self._naming.budget)
            self._naming.spend(1 + len(places))
            for place in places:
                naming.place(account.start(1), place, _ACCOUNT_URI)
        return naming.edits

    def _mentioned(self) -> Naming:
        """For what a part mentions; the same for all parts, of which a list of states has hundreds."""
        if self._mention is None:
            self._mention = self._naming.mentioned()
        self._mention.edits = []
        return self._mention

    def _fragment(self, part: Part) -> list[Edit]:
        """A part of another message, whose body is only mentioned."""
        naming = self._naming.mentioned()
        try:
            fragment = read_fragment(self._data[part.start : part.end])
            translate_headers(fragment, naming)
            body = BodyTranslation(fragment, naming, Mention(self._nat), self._max_media, self._depth + 1)
            body.run()
        except Malformed:
            return self._note("fragment-unreadable")
        finally:
            self._naming.budget = naming.budget
        return [edit.moved(part.start) for edit in naming.edits + body.edits]

    def _note(self, name: str) -> list[Edit]:
        self._naming.effects.append(Note(name))
        return []

    def _correct(self, growths: dict[tuple[Place, ...], int]) -> int:
        """Make the lengths of parts right, and tell by how much all of them grow together.

        From the innermost outwards: a length that gets a digit more counts for the next.
        """
        while lengths := max(growths, key=len):
            longer = growths.pop(lengths)
            if longer:
                self.edits.append(corrected(self._data, lengths[-1], longer))
                longer += growth(self.edits[-1:])
            growths[lengths[:-1]] = growths.get(lengths[:-1], 0) + longer
        return growths[()]


def _covered(sip: SipMessage) -> str:
    """What keeps a whole body from being read or changed, as a note's name; "" for nothing.

    It is compressed, or not written as it is; or credentials cover it (RFC 7616, section 3.4.3).
    """
    for line in sip.lines:
        kind = line.kind
        if kind in (_ENCODING, _TRANSFER):
            if line.value.strip().lower() not in _AS_IT_IS:
                return "encoded-body"
        elif kind in (_CREDENTIALS, _PROXY_CREDENTIALS) and _AUTH_INT.search(line.value):
            return "signed-body"
    return ""


def _merge(announced: list[Announced], more: list[Announced]) -> None:
    """Add another choice to streams."""
    for index, choice in enumerate(more):
        if index == len(announced):
            announced.append(choice)
        else:
            known = announced[index]
            announced[index] = known.through(tuple(dict.fromkeys(known.flows + choice.flows)))
