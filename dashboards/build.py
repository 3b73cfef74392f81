"""Makes the dashboards: `python -m dashboards.build` writes, `--check` compares.

Output  dashboards/generated/NAME.json, Grafana's classic JSON, which is committed and shipped
        (`agent dashboards export` copies it). The same input gives the same bytes.
Needs   grafana-foundation-sdk, a development dependency. Nothing of it runs on a host.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dashboards.container import dashboard as container
from dashboards.sdk import JSONEncoder, dashboard

GENERATED: Final = Path(__file__).parent / "generated"
DASHBOARDS: Final[dict[str, Callable[[], dashboard.Dashboard]]] = {"container": container.build}


def generate() -> dict[str, str]:
    """File name → text, for every dashboard."""
    return {
        f"{name}.json": json.dumps(
            build(), cls=JSONEncoder, sort_keys=True, indent=2, ensure_ascii=False
        )
        + "\n"
        for name, build in DASHBOARDS.items()
    }


def write(directory: Path = GENERATED) -> list[Path]:
    """The files written."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in generate().items():
        path = directory / name
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def differences(directory: Path = GENERATED) -> list[str]:
    """What `write` would change, one sentence per file; empty when the files are up to date."""
    wanted = generate()
    found = {path.name: path.read_bytes() for path in directory.glob("*.json")}
    return (
        [f"{name} is missing" for name in sorted(wanted.keys() - found.keys())]
        + [f"{name} is made by no builder" for name in sorted(found.keys() - wanted.keys())]
        + [
            f"{name} is not what its builder makes"
            for name in sorted(wanted.keys() & found.keys())
            if found[name] != wanted[name].encode()
        ]
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dashboards.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing; 1 if stale")
    if not parser.parse_args(argv).check:
        for path in write():
            print(path)
        return 0
    stale = differences()
    for line in stale:
        print(line, file=sys.stderr)
    if stale:
        print("run: python -m dashboards.build", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
