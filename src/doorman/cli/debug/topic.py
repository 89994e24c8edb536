"""What an operator wants to be told of: `debug ip nat`, `debug ip nat ALG`, and that of one host or one call."""

from typing import NamedTuple

from doorman.dataplanes.report import shown
from doorman.engine.inspection import Inspection
from doorman.net.addresses import Address, address_text

NAT = "nat"


class Topic(NamedTuple):
    """Something that can be told of, or traced.

    Attributes:
        about: `nat`, all translations, or the name of an ALG: its messages.
        host: only messages that come from this address or go to it, as either side sees it.
        call_id: only messages whose Call-ID, as it is shown, begins so.
    """

    about: str
    host: Address | None = None
    call_id: str = ""

    def covers(self, inspection: Inspection) -> bool:
        """Whether a message is meant."""
        if inspection.alg != self.about:
            return False
        if self.host is not None and all(end.address != self.host for end in inspection.message.path):
            return False
        owner = inspection.outcome.owner
        return not self.call_id or (owner is not None and shown(owner.name).startswith(self.call_id))

    @property
    def condition(self) -> str:
        """What narrows it down, as in its command; empty where nothing does."""
        if self.host is not None:
            return f"host {address_text(self.host)}"
        return f"call-id {self.call_id}" if self.call_id else ""

    @property
    def key(self) -> str:
        """What it is called in JSON, such as `sip` or `sip host 10.0.0.10`."""
        return f"{self.about} {self.condition}".rstrip()

    @property
    def title(self) -> str:
        """What it is called on a terminal."""
        return "IP NAT" if self.about == NAT else f"IP NAT {self.about.upper()}"
