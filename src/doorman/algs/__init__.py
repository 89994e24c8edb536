"""The application-level gateways: one file or folder per protocol, listed in `registry`."""
