"""`agent dashboards export DIR`: writes the Grafana dashboards that were shipped with the agent.

The files are package data, made at development time: nothing but the standard library is needed.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from agent.cli.exits import ERROR, OK
from agent.faults import told

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def register(subparsers: Subparsers) -> None:
    """Adds `dashboards export` to the command line."""
    parser = subparsers.add_parser(
        "dashboards",
        help="write the Grafana dashboards to a directory",
        description="The Grafana dashboards that belong to this version's metrics.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    export = actions.add_parser(
        "export",
        help="write NAME.json files into a directory",
        description="Writes every dashboard as NAME.json, for Grafana's file provisioning or its "
        "import page. Prints the paths. Files of these names are replaced.",
    )
    export.add_argument("directory", metavar="DIR", help="made if it is not there")
    export.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0, or 1 when a file cannot be written."""
    import sys
    from importlib import resources
    from pathlib import Path

    directory = Path(args.directory)
    shipped = [
        file
        for file in resources.files("dashboards.generated").iterdir()
        if file.name.endswith(".json")
    ]
    if not shipped:
        print("agent: this installation has no dashboards in it", file=sys.stderr)
        return ERROR
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file in sorted(shipped, key=lambda file: file.name):
            path = directory / file.name
            path.write_bytes(file.read_bytes())
            print(path)
    except OSError as error:
        print(f"agent: cannot write the dashboards: {told(error)}", file=sys.stderr)
        return ERROR
    return OK
