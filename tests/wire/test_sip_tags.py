"""Tags of From and To, however they are written (RFC 3261, sections 19.3, 20.20 and 7.3.1)."""

import pytest

from doorman.wire.sip import read_sip
from kit.sip import sip


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        ("<sip:a@b>;tag=x1", b"x1"), ("<sip:a@b>;tag=x-1.~", b"x-1.~"), ("sip:a@b;tag=x1", b"x1"),
        ("<sip:a@b;lr>;tag=x1", b"x1"), ("<sip:a@b>;x=y;tag=x1", b"x1"), ("<sip:a@b>;tag=x1;x=y", b"x1"),
        ("<sip:a@b> ; TAG = x1", b"x1"), ("<sip:a@b>;Tag=x1;tag=x2", b"x1"), ("<sip:a@b>;tag=x1;tag=x2", b"x1"),
        ("<sip:a@b>;\r\n tag=x1", b"x1"), ("<sip:a@b>;tag=x1 ", b"x1"), ("<sip:a@b>;tag=\u00e9", b"\xe9"),
        ("<sip:a@b>", b""), ("<sip:a@b;lr>", b""), ("<sip:a@b>;tag=", b""), ("<sip:tag@b>;tagged=x", b""), ("", b""),
    ],
)  # fmt: skip
def test_tag(value: str, tag: bytes) -> None:
    message = read_sip(sip("OPTIONS sip:a@b SIP/2.0", "Call-ID: x", f"To: {value}"))
    assert message is not None
    assert message.to_tag == tag
    assert message.from_tag == b""
