"""Filters of sockets: what a socket hears of is decided in the kernel, by a program for it (classic BPF, bpf(4)).

An instruction is code:u16  then:u8  else:u8  operand:u32, in host order; after a comparison `then` or `else`
instructions are skipped. The program returns how many bytes of a packet are kept, 0 for none of it.
"""

import ctypes
import socket
import struct

LD_IMM, LDX_IMM, LD_ABS, LD_IND, JEQ, JSET, TAX, RET = 0x00, 0x01, 0x20, 0x40, 0x15, 0x45, 0x07, 0x06
"""Codes of instructions, as linux/filter.h composes them."""
WHOLE = 0xFFFFFFFF
"""Returned: all bytes are kept."""
_SO_ATTACH_FILTER = 26

Instruction = tuple[int, int, int, int]


def attach_filter(listener: socket.socket, *instructions: Instruction) -> None:
    """Have a socket hear of nothing but what a program lets pass.

    Raises:
        OSError: the kernel refuses the program.
    """
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    memory = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: how many instructions, and where.
    pointer = struct.pack("@HP", len(instructions), ctypes.addressof(memory))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pointer)
