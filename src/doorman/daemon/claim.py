"""One gateway for each table: its name is claimed as an abstract Unix socket.

Such a name belongs to the network namespace, as the table does, and is free again when its process ends, however it
ends (unix(7)).
"""

import errno
import socket


class TableTaken(Exception):  # noqa: N818 - what is the case
    """Another gateway of this network namespace works with the table; the text says so."""


def claim(table: str) -> socket.socket:
    """Claim a table, until the socket is closed.

    Raises:
        TableTaken: see there.
    """
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0doorman/{table}")
    except OSError as error:
        name.close()
        if error.errno == errno.EADDRINUSE:
            raise TableTaken(f"another gateway has the table {table}: give this one another --table") from None
        raise
    return name
