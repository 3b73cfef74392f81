"""cheroot, imported without the OpenSSL that it asks for its version and then does not use.

It does without where Python was built without it, and so it is told while it is imported: 4 MB that
a server without TLS need not hold. `agent.web.tls` imports ssl for one with TLS, before or after.

Imported at start, by one thread.
"""

from __future__ import annotations

import sys

_loaded = sys.modules.get("ssl")
if _loaded is None:
    sys.modules["ssl"] = None  # type: ignore[assignment]
try:
    from cheroot.ssl import Adapter
    from cheroot.wsgi import Server
finally:
    if _loaded is None:
        del sys.modules["ssl"]

__all__ = ["Adapter", "Server"]
