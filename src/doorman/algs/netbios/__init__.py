"""The NetBIOS ALGs: name service, datagram service, session service."""
