"""How many files this process may have open: connections need two each, and all else must go on when they are many."""

import contextlib
import resource


def raise_file_limit(wanted: int) -> int:
    """Let this process have `wanted` files open at once, or as many as the system lets it.

    Returns:
        How many it may have now, `wanted` at the most.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _number(soft, wanted) < wanted:
        more = min(wanted, _number(hard, wanted))
        with contextlib.suppress(OSError, ValueError):  # it may be forbidden; Python says so with either
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
            soft = more
    return min(_number(soft, wanted), wanted)


def _number(limit: int, wanted: int) -> int:
    return wanted if limit == resource.RLIM_INFINITY else limit
