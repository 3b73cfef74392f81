"""cheroot, imported without what it imports and then does not use here: 6 MB.

It asks OpenSSL for its version, which it does without where Python was built without OpenSSL;
`agent.web.tls` imports ssl for a server with TLS, before or after. It asks for its own version, and
is content to be told nothing. Of more_itertools (by jaraco.functools) and email.utils it uses what
this server never comes to: `agent.server` writes the Date itself.

Imported at start, by one thread.
"""

from __future__ import annotations

import sys

from agent.lean import defer, emptied

defer("email.utils", "more_itertools")
_loaded = sys.modules.get("ssl")
if _loaded is None:
    sys.modules["ssl"] = None  # type: ignore[assignment]
try:
    with emptied("importlib.metadata"):
        from cheroot.ssl import Adapter
        from cheroot.wsgi import Server
finally:
    if _loaded is None:
        del sys.modules["ssl"]

__all__ = ["Adapter", "Server"]
