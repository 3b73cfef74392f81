"""What the system refused, in words: the file and why, as cat and ls say it.

/run/runc/ec87/state.json: Permission denied        and not [Errno 13] Permission denied: '/run…'
"""

from __future__ import annotations


def told(error: Exception) -> str:
    """Without the number; of what is no OSError its own words."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return error.strerror if error.filename is None else f"{_shown(error)}: {error.strerror}"


def _shown(error: OSError) -> str:
    if error.filename2 is None:
        return f"{error.filename}"
    return f"{error.filename} to {error.filename2}"
