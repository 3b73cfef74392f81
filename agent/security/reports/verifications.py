"""Whether images were verified: one small file for each, left by whatever verifies them.

    <image id or digest>.verified    it was; the content does not matter
    <image id or digest>.json        {"verified": true} or {"verified": false}, or what
                                     `cosign verify -o json` printed: a list, empty or not

The name is "sha256:552e…", "sha256-552e…" or the 64 hex digits alone. Verifying is not this
program's work: an admission controller or a pipeline has the keys and the network for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from agent.container.failures import READ_FAILURES
from agent.container.statefile import UnreadableState, read_json
from agent.records import NamedTuple

MAX_FILES: Final = 10_000
_NAME: Final = re.compile(r"(?:sha256[:-])?(?P<hex>[0-9a-f]{64})\.(?P<kind>verified|json)\Z")


class Verifications(NamedTuple):
    """What the directory says."""

    verified: Mapping[str, bool]
    """"sha256:…" → whether its signature was good. What is not here was not tried."""
    problems: tuple[str, ...]


def read_verifications(path: str) -> Verifications:
    """Read the whole directory. Raises nothing: see `problems`."""
    verified: dict[str, bool] = {}
    problems: list[str] = []
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        return Verifications({}, (f"{path}: {error.strerror}",))
    if len(names) > MAX_FILES:
        problems.append(f"{path}: {len(names)} files, of which {MAX_FILES} are read")
    for name in names[:MAX_FILES]:
        match = _NAME.match(name)
        if match is None:
            continue
        digest = f"sha256:{match['hex']}"
        if match["kind"] == "verified":
            verified.setdefault(digest, True)
            continue
        try:
            # A result in words beats a file that is only there.
            verified[digest] = parse_result(read_json(f"{path}/{name}"), f"{path}/{name}")
        except READ_FAILURES as error:
            problems.append(str(error))
    return Verifications(verified, tuple(problems))


def parse_result(value: object, path: str) -> bool:
    """Whether it says that the signature is good. Raises UnreadableState."""
    match value:
        case {"verified": bool() as verified}:
            return verified
        case list():
            return bool(value)
        case _:
            raise UnreadableState(path, 'neither {"verified": …} nor what cosign verify prints')
