"""What the system refused, in words: the file and why, as cat and ls say it.

/run/runc/ec87/state.json: Permission denied        and not [Errno 13] Permission denied: '/run…'
"""

from __future__ import annotations

import os
import re
from typing import Final

_NOISE: Final = re.compile(r"\A\[[^]]*\] |\.? \(_ssl\.c:[0-9]+\)\Z")
"""What Python puts around OpenSSL's sentences."""
_CONNECT: Final = re.compile(r"\[Errno ([0-9]+)\] Connect call failed")
"""What asyncio has in place of the system's sentence, once for each address."""
_NO_TLS: Final = "wrong version number"


def told(error: Exception) -> str:
    """Without the number; of what is no OSError its own words, or its name where it has none."""
    if not isinstance(error, OSError):
        return str(error) or type(error).__name__
    if call := _CONNECT.search(str(error)):
        return os.strerror(int(call[1]))
    why = _NOISE.sub("", error.strerror or str(error)) or type(error).__name__
    if why == _NO_TLS:
        why = "the other side speaks no TLS"
    return why if error.filename is None else f"{_shown(error)}: {why}"


def _shown(error: OSError) -> str:
    if error.filename2 is None:
        return f"{error.filename}"
    return f"{error.filename} to {error.filename2}"
