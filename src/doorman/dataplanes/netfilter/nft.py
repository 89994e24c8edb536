"""libnftables, the library behind the program `nft`: a script in, its transaction carried out, or an error told.

It is part of every system that has `nft` (Debian: libnftables1), and saves a process and its parsing for each change. A
script is one transaction: all of it is in force, or none.
"""

import ctypes
import ctypes.util
import os
import socket
from pathlib import Path

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
        before = _sockets()
        self._context = ctypes.c_void_p(library.nft_ctx_new(0))
        opened = _sockets() - before
        self._socket = opened.pop() if len(opened) == 1 else -1  # another thread's may be among them
        library.nft_ctx_buffer_error(self._context)
        library.nft_ctx_buffer_output(self._context)

    def run(self, script: str, *, json: bool = False) -> str:
        """Carry out a script; give what it printed.

        Raises:
            NftError: nothing of it was done.
        """
        if self.is_closed:
            raise NftError("the context is closed")
        self._library.nft_ctx_output_set_flags(self._context, ctypes.c_uint(_JSON if json else 0))
        refused = self._library.nft_run_cmd_from_buffer(self._context, ctypes.c_char_p(script.encode()))
        error = self._library.nft_ctx_get_error_buffer(self._context).decode(errors="replace")
        printed: str = self._library.nft_ctx_get_output_buffer(self._context).decode(errors="replace")
        if refused:
            raise NftError(error.strip().split("\n")[0] or "nft refused the script without a word")
        return printed

    def link(self) -> socket.socket:
        """One more handle of the socket that the library speaks through: what it made with an owner, that owns.

        Raises:
            OSError: which one that is, is not known.
        """
        return socket.socket(fileno=os.dup(self._socket))

    @property
    def is_closed(self) -> bool:
        """Whether the context was freed."""
        return self._context.value is None

    def check(self, script: str) -> None:
        """Let the kernel examine a script and then abandon it.

        Raises:
            NftError: it would have refused.
        """
        self._set_dry_run(1)
        try:
            self.run(script)
        finally:
            self._set_dry_run(0)

    def close(self) -> None:
        """Free the context."""
        if not self.is_closed:
            self._library.nft_ctx_free(self._context)
            self._context = ctypes.c_void_p()

    def _set_dry_run(self, value: int) -> None:
        if not self.is_closed:
            self._library.nft_ctx_set_dry_run(self._context, ctypes.c_int(value))


def _sockets() -> set[int]:
    """Those that this process has open."""
    return {int(one.name) for one in Path("/proc/self/fd").iterdir() if one.is_socket()}
