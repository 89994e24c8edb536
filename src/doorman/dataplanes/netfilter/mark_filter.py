"""A socket filter that lets pass the news of flows whose mark has a bit of ours.

It is a program of classic BPF with netlink's extension: `ld [NLATTR]` finds, from offset A on, the attribute of type X,
and leaves its offset in A, or 0 (linux/filter.h; as libnetfilter_conntrack uses it).
"""

import ctypes
import socket
import struct

from doorman.dataplanes.netfilter.flow import MARK

_SO_ATTACH_FILTER = 26
_LD_IMM, _LDX_IMM, _LD_ABS, _LD_IND, _JEQ, _JSET, _TAX, _RET = 0x00, 0x01, 0x20, 0x40, 0x15, 0x45, 0x07, 0x06
_NLATTR = 0xFFFFF000 + 12
_FIRST_ATTRIBUTE = 20


def program(mask: int) -> bytes:
    """Let pass what has a MARK with a bit of `mask`; an instruction is code:u16 then:u8 else:u8 operand:u32."""
    instructions = (
        (_LD_IMM, 0, 0, _FIRST_ATTRIBUTE),
        (_LDX_IMM, 0, 0, MARK),
        (_LD_ABS, 0, 0, _NLATTR),
        (_JEQ, 3, 0, 0),
        (_TAX, 0, 0, 0),
        (_LD_IND, 0, 0, 4),
        (_JSET, 1, 0, mask),
        (_RET, 0, 0, 0),
        (_RET, 0, 0, 0xFFFFFFFF),
    )
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def attach(link: socket.socket, code: bytes) -> None:
    """Let a socket receive only what a filter lets pass (struct sock_fprog: how many instructions, and where)."""
    memory = ctypes.create_string_buffer(code, len(code))
    link.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(code) // 8, ctypes.addressof(memory)))
