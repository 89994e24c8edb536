"""The shell: what an operator types at a running gateway, and what comes back. Sans-IO but for `client`."""
