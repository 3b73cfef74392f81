"""cheroot, imported without what it imports and then does not use here: 6 MB.

It asks OpenSSL for its version, which it does without where Python was built without OpenSSL;
`agent.web.tls` imports ssl for a server with TLS, before or after. It asks for its own version, and
is content to be told nothing. Of email.utils it uses what this server never comes to:
`agent.server` writes the Date itself. Of jaraco.functools it uses one function, and of platform
three words.

Imported at start, by one thread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from agent.lean import defer, emptied, replaced


def _pass_none(function: Callable[[object], None]) -> Callable[[object], None]:
    """As jaraco.functools has it: do not call it with None."""
    return lambda value: None if value is None else function(value)


defer("email.utils")
_system, _, _, _, _machine = os.uname()
_loaded = sys.modules.get("ssl")
if _loaded is None:
    sys.modules["ssl"] = None  # type: ignore[assignment]
try:
    with (
        emptied("importlib.metadata"),
        replaced("jaraco.functools", pass_none=_pass_none),
        replaced(
            "platform",
            machine=lambda: _machine,
            python_implementation=lambda: "PyPy" if sys.implementation.name == "pypy" else "",
            system=lambda: _system,
        ),
    ):
        from cheroot.ssl import Adapter
        from cheroot.wsgi import Server
finally:
    if _loaded is None:
        del sys.modules["ssl"]

__all__ = ["Adapter", "Server"]
