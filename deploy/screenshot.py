"""`make screenshot`: docs/top.svg, the screen of `agent top` on the demo, as it is at that moment.

Starts the demo workloads, reads the host for a minute at one reading a second, so that sparklines
and WHY have their whole minute, draws, and stops the demo.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from agent import demo
from agent.cli.diagnosing import open_sampler
from agent.configfile import load
from agent.top.frame import Frame
from agent.top.glyphs import UNICODE
from agent.top.making import FrameMaker
from agent.top.render import render
from agent.top.rows import rows_of
from agent.top.svg import svg
from agent.top.view import View

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "top.svg"
PREFIX = "demo-"
TITLE = "agent top: every container of the host, the one in most trouble first, with why"


def main() -> int:
    """Draw it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="deploy/screenshot.py")
    parser.add_argument("--seconds", type=int, default=62)
    parser.add_argument("--size", default="128x17", metavar="WxH")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    try:
        demo.start(prefix=PREFIX, start_daemon=True)
    except demo.DemoError as error:
        print(f"screenshot: {error}", file=sys.stderr)
        return 1
    try:
        frame = watch(arguments.seconds)
    finally:
        demo.stop()
    view = View(filter=f"name={PREFIX}*")
    screen = render(frame, rows_of(frame, view), view, width, height, UNICODE)
    PICTURE.write_text(svg(screen, title=TITLE), encoding="utf-8")
    print(f"wrote {PICTURE}", file=sys.stderr)
    return 0


def watch(seconds: int) -> Frame:
    """Read the host that often; the last Frame."""
    maker = FrameMaker(1.0)
    with ExitStack() as stack:
        sampler, start = open_sampler(load(None, os.environ, []), stack)
        start()
        due = time.monotonic()
        frame = maker.next(sampler.snapshot())
        for _ in range(seconds):
            due += 1.0
            time.sleep(max(0.0, due - time.monotonic()))
            frame = maker.next(sampler.snapshot())
    return frame


if __name__ == "__main__":
    raise SystemExit(main())
