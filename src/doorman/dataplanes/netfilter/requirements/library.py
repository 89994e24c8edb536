"""libnftables for a trial: transactions that are only examined, and the ruleset without the elements of its sets."""

import ctypes
import json
from typing import Any

from doorman.dataplanes.netfilter.nft import Nft, NftError

_OUTPUT_JSON = 1 << 4
_OUTPUT_TERSE = 1 << 11
"""Flags of nftables/libnftables.h; terse leaves out the elements of sets, of which others may have very many."""


class TrialNft(Nft):
    """A context of the library, bound to the network namespace it was made in."""

    def examine_only(self) -> None:
        """From now on let the kernel examine each transaction and then abandon it, as `nft --check` does."""
        self._library.nft_ctx_set_dry_run(self._context, ctypes.c_int(1))

    def ruleset(self) -> list[dict[str, Any]]:
        """The whole ruleset in the form of libnftables-json(5).

        Raises:
            NftError: it may not be read, or the library was built without JSON.
        """
        self._library.nft_ctx_output_set_flags(self._context, ctypes.c_uint(_OUTPUT_JSON | _OUTPUT_TERSE))
        refused = self._library.nft_run_cmd_from_buffer(self._context, ctypes.c_char_p(b"list ruleset"))
        error = self._library.nft_ctx_get_error_buffer(self._context).decode(errors="replace")
        printed = self._library.nft_ctx_get_output_buffer(self._context).decode(errors="replace")
        if refused:
            raise NftError(reason_of(error))
        try:
            objects: list[dict[str, Any]] = json.loads(printed)["nftables"]
        except (ValueError, KeyError):
            raise NftError("libnftables was built without JSON") from None
        return objects


def reason_of(error: str) -> str:
    """The reason alone, of the text of an error."""
    first = error.strip().partition("\n")[0]
    return first.rpartition("Error: ")[2].removeprefix("Could not process rule: ") or "refused without a reason"
