"""libnftables, the library behind the program `nft`: a script in, its transaction carried out, or an error told.

It is part of every system that has `nft` (Debian: libnftables1), and saves a process and its parsing for each change. A
script is one transaction: all of it is in force, or none.
"""

import ctypes
import ctypes.util

_JSON = 1 << 4
"""NFT_CTX_OUTPUT_JSON."""


class NftError(Exception):
    """The kernel or the library refused a script; the text is theirs."""


class Nft:
    """A context of the library, bound to the network namespace it was made in.

    Raises:
        NftError: the library is not installed.
    """

    def __init__(self) -> None:
        try:
            library = ctypes.CDLL(ctypes.util.find_library("nftables") or "libnftables.so.1")
        except OSError as error:
            raise NftError(f"libnftables is not installed: {error}") from None
        library.nft_ctx_new.restype = ctypes.c_void_p
        library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        library.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
        self._library = library
        self._context = ctypes.c_void_p(library.nft_ctx_new(0))
        library.nft_ctx_buffer_error(self._context)
        library.nft_ctx_buffer_output(self._context)

    def run(self, script: str, *, json: bool = False, check: bool = False) -> str:
        """Carry out a script, or with `check` only find out whether the kernel would; give what it printed.

        Raises:
            NftError: nothing of it was done.
        """
        self._library.nft_ctx_set_dry_run(self._context, ctypes.c_bool(check))
        self._library.nft_ctx_output_set_flags(self._context, ctypes.c_uint(_JSON if json else 0))
        refused = self._library.nft_run_cmd_from_buffer(self._context, ctypes.c_char_p(script.encode()))
        error = self._library.nft_ctx_get_error_buffer(self._context).decode(errors="replace")
        printed: str = self._library.nft_ctx_get_output_buffer(self._context).decode(errors="replace")
        if refused:
            raise NftError(error.strip().split("\n")[0] or "nft refused the script without a word")
        return printed

    def close(self) -> None:
        """Free the context."""
        if self._context.value is not None:
            self._library.nft_ctx_free(self._context)
            self._context = ctypes.c_void_p()
