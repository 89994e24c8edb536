"""What goes wrong in the lab."""


class LabError(Exception):
    """Something the lab needs did not do its part; the message says what, and how its log ends where it has one."""
