"""Why a test cannot be made."""


class CannotTest(Exception):  # noqa: N818 - says what is the case
    """The test could not be made, which says nothing of the gateway; the text says why, and how to mend it."""
