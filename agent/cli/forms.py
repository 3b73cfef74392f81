"""-o and --json: in which form a command prints, the same for all."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def add_arguments(parser: argparse.ArgumentParser, forms: Sequence[str]) -> None:
    """Add the options; the first of `forms` is the default, "json" one of them."""
    parser.add_argument(
        "-o",
        "--output",
        choices=forms,
        default=forms[0],
        help="print in this form (default: %(default)s)",
    )
    parser.add_argument(
        "--json", action="store_const", const="json", dest="output", help="the same as -o json"
    )
