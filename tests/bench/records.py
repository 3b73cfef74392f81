"""What a record costs, as a share of the same dataclass of the standard library.

    .venv/bin/python -m tests.bench.records [--classes 300] [--json]

Each class has seven fields. "defined": at import; "in use": the same with the first instance, which
compiles `__init__`; the rest is of one instance.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pickle
import sys
import time
import timeit
from collections.abc import Callable
from typing import Any

from agent import records

_CLASS = """
@dataclass(frozen=True, slots=True)
class A{}:
    a: int
    b: str
    c: float = 1.0
    d: int | None = None
    e: int = 0
    f: int = 0
    g: int = 0
"""


def main() -> int:
    """Run the benchmark; 1 where a record is not the cheaper one to define and to make."""
    parser = argparse.ArgumentParser(description="What a record costs.")
    parser.add_argument("--classes", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    theirs = _costs(dataclasses.dataclass, dataclasses.replace, arguments.classes)
    ours = _costs(records.dataclass, records.replace, arguments.classes)
    ratios = {name: ours[name] / theirs[name] for name in ours}
    if arguments.json:
        print(json.dumps(ratios))
    else:
        for name, ratio in ratios.items():
            print(
                f"{name:<12}{theirs[name] * 1e6:>9.2f} us{ours[name] * 1e6:>9.2f} us{ratio:>7.2f}"
            )
    return int(ratios["defined"] > 0.1 or ratios["made"] > 1)


def _costs(
    dataclass: Callable[..., Any], replace: Callable[..., Any], count: int
) -> dict[str, float]:
    """Seconds for one."""
    names = vars(sys.modules[__name__]) | {"dataclass": dataclass}
    code = compile("".join(_CLASS.format(i) for i in range(count)), "classes", "exec")
    begun = time.perf_counter()
    exec(code, names)
    defined = time.perf_counter()
    made = [names[f"A{i}"](1, "x") for i in range(count)]
    used = time.perf_counter()
    kind, one, other = type(made[0]), made[0], names["A0"](1, "x")
    vars(sys.modules[__name__])["A0"] = kind  # where pickle looks for it
    return {
        "defined": (defined - begun) / count,
        "in use": (used - begun) / count,
        "made": _each(lambda: kind(1, "x", 2.0)),
        "compared": _each(lambda: one == other),
        "hashed": _each(lambda: hash(one)),
        "replaced": _each(lambda: replace(one, a=2)),
        "pickled": _each(lambda: pickle.dumps(one, pickle.HIGHEST_PROTOCOL)),
    }


def _each(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=20_000, repeat=5)) / 20_000


if __name__ == "__main__":
    sys.exit(main())
