"""Who may talk to whom: doors for flows that were announced, sessions for flows that are there."""
