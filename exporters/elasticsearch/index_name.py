"""The index of a document, from the template in the configuration. Pure.

    logs-{namespace}-{date}     logs-shop-2026.11.24

Logstash's `%{+YYYY.MM.dd}` is {date}, its `%{+xxxx.ww}` {week}. Days, weeks and months are UTC's:
the name of a line's index must not change with the host that read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from agent.log_destinations import INDEX_DATES, INDEX_FIELDS
from agent.logs.timestamps import NANOSECONDS

_FORBIDDEN: Final = re.compile(r'[\x00-\x20\\/*?"<>|,#:]')
_LONGEST: Final = 255


def index_name(template: str, fields: Mapping[str, str], time_ns: int) -> str:
    """Fill in `template`, in letters an index may have. Changes with the day at most."""
    time = datetime.fromtimestamp(time_ns // NANOSECONDS, UTC)
    name = template
    for period, form in INDEX_DATES.items():
        name = name.replace(f"{{{period}}}", time.strftime(form))
    for field in INDEX_FIELDS:
        name = name.replace(f"{{{field}}}", fields.get(field, "") or "none")
    name = _FORBIDDEN.sub("_", name.lower()).lstrip("-_+") or "none"
    name = name.encode()[:_LONGEST].decode("utf-8", "ignore")
    return "none" if name in (".", "..") else name
