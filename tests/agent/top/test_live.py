"""The real `agent top` with the real sampler, on a pseudo-terminal, seen through pyte."""

from __future__ import annotations

import base64
import re
import signal
import sys

import pytest

from agent.cgroupfs.hierarchies import NoCgroups
from agent.config import HostPaths
from agent.sampler import Sampler
from tests.host.agent import command
from tests.host.terminal import TerminalProgram

pytestmark = pytest.mark.host

# Without a history on disk: what a key finds is of this run.
TOP = command("top", "--all", "--set", "history.directory=/nonexistent", "--delay", "0.2")


@pytest.fixture(autouse=True, scope="module")
def _cgroups() -> None:
    try:
        Sampler(HostPaths()).close()
    except NoCgroups as reason:
        pytest.skip(str(reason))


def await_rows(top: TerminalProgram) -> None:
    """Wait until the root cgroup has a CPU rate, which needs two readings."""
    rate = re.compile(r"^ / .* \d+\.\d\d ", re.MULTILINE)
    top.wait_for(lambda text: rate.search(text) is not None, "a rate")


def test_it_shows_the_host_and_its_cgroups_and_q_gives_the_terminal_back() -> None:
    with TerminalProgram(TOP) as top:
        before = top.modes()
        await_rows(top)
        lines = top.screen.display
        assert lines[0].startswith(" agent top  ")
        assert "every 0.2s" in lines[0]
        assert lines[3].startswith(" NAME ")
        assert lines[23].startswith(" q quit")
        assert top.modes() != before
        top.send("q")
        assert top.wait_for_end() == 0
        assert top.modes() == before
        assert b"Traceback" not in top.output


def test_every_key_of_a_session_does_what_the_help_says() -> None:
    with TerminalProgram(TOP) as top:
        await_rows(top)
        top.send("s")
        top.wait_for_text("sort: n name")
        top.send("l")
        top.wait_for_text("sort cpu.of_limit▼")
        top.send("<r")
        top.wait_for_text("sort cpu▲")
        top.send("?")
        top.wait_for_text("sort by the next column")
        top.send("\x1b[4~")
        top.wait_for_text("the image it was made from")
        top.send("\x1b")
        top.wait_for_text("sort cpu▲")
        top.send("/no-such-thing-é")
        top.wait_for_text("filter: no-such-thing-é")
        top.wait_for_text("nothing fits the filter")
        top.send("\r")
        top.wait_for_text("filter no-such-thing-é  0 of ")
        top.send("\x1b")
        top.wait_for(lambda text: "no-such-thing" not in text, "the filter is dropped")
        top.send("a")
        top.wait_for_text(" containers  sort")
        top.send("?:col memory\r")
        top.wait_for_text("col may be columns, collapse")
        top.send("\x15columns memory\r")
        top.wait_for_text(" PSI some/full ")
        top.send("1:gr\tproj\t")
        top.wait_for_text("command: group project")
        top.send("\r")
        top.wait_for_text("group project")
        top.send(":sort nothing\r")
        top.wait_for_text("there is no field 'nothing'")
        top.send("\x15group none\r")
        top.wait_for(lambda text: "group" not in text.splitlines()[2], "no groups")
        top.send("\x1b[[A")  # F1, which nothing is bound to
        top.send("\x0cq")
        assert top.wait_for_end() == 0


def test_the_cursor_moves_with_the_arrows() -> None:
    with TerminalProgram(TOP) as top:
        await_rows(top)

        def reversed_lines() -> list[int]:
            # The heading, line 3, is drawn in reverse as well.
            return [
                number
                for number in range(4, 22)
                if top.screen.buffer[number][1].reverse and top.screen.display[number].strip()
            ]

        assert reversed_lines() == []
        top.send("\x1b[B")
        top.wait_for(lambda _: len(reversed_lines()) == 1, "a row under the cursor")
        top.send("\x1b")
        top.wait_for(lambda _: reversed_lines() == [], "no row under the cursor")
        top.send("q")
        assert top.wait_for_end() == 0


def test_it_follows_the_terminals_size_down_to_nothing_and_back() -> None:
    with TerminalProgram(TOP) as top:
        await_rows(top)
        top.resize(200, 50)
        top.wait_for(lambda _: top.screen.display[49].startswith(" q quit"), "200x50")
        assert "IMAGE" in top.text
        for columns, lines in ((5, 2), (1, 1), (2, 30), (300, 1)):
            top.resize(columns, lines)
        top.resize(80, 24)
        top.wait_for(
            lambda _: (
                top.screen.display[23].startswith(" q quit")
                and top.screen.display[0].startswith(" agent top")
            ),
            "80x24",
        )
        top.send("q")
        assert top.wait_for_end() == 0
        assert b"Traceback" not in top.output


def test_a_terminal_of_one_cell_is_enough_to_start() -> None:
    with TerminalProgram(TOP, columns=1, lines=1) as top:
        top.wait_for(lambda _: b"\x1b" in top.output, "something is drawn")
        top.send("q")
        assert top.wait_for_end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_with_its_number_and_gives_the_terminal_back(number: int) -> None:
    with TerminalProgram(TOP) as top:
        before = top.modes()
        await_rows(top)
        if number == signal.SIGINT:
            top.send("\x03")
        else:
            top.process.send_signal(number)
        assert top.wait_for_end() == 128 + number
        assert top.modes() == before


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again() -> None:
    script = 'set -m; "$@"; echo "stopped $?"; stty -a; read line; fg; echo "ended $?"'
    with TerminalProgram(["bash", "-c", script, "bash", *TOP], lines=40) as top:
        await_rows(top)
        top.send("\x1a")
        top.wait_for_text(f"stopped {128 + signal.SIGTSTP}")
        top.wait_for(lambda text: re.search(r" icanon", text) is not None, "stty's answer")
        assert " -echo " not in top.text
        top.send("\n")
        top.wait_for(lambda _: top.screen.display[39].startswith(" q quit"), "drawn again")
        await_rows(top)
        top.send("q")
        top.wait_for_text("ended 0")
        assert top.wait_for_end() == 0


def test_a_closed_terminal_window_ends_it() -> None:
    with TerminalProgram(TOP) as top:
        await_rows(top)
        top.hang_up()
        assert top.wait_for_end() == 128 + signal.SIGHUP


def test_no_color_leaves_bold_and_reverse_and_no_colour() -> None:
    colour = re.compile(rb"\x1b\[(?:\d+;)*3[1-7](?:;\d+)*m")
    for environment, coloured in (({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)):
        with TerminalProgram(TOP, environment=environment) as top:
            await_rows(top)
            top.send("q")
            assert top.wait_for_end() == 0
            assert (colour.search(top.output) is not None) is coloured
            assert top.screen.buffer[3][1].reverse


def test_a_terminal_that_cannot_place_its_cursor_is_refused_with_a_way_out() -> None:
    with TerminalProgram(TOP, environment={"TERM": "dumb"}) as top:
        assert top.wait_for_end() == 1
        assert "--once" in top.text


def test_without_utf8_there_is_nothing_but_ascii() -> None:
    with TerminalProgram(TOP, environment={"LC_ALL": "C"}) as top:
        await_rows(top)
        top.send("q")
        assert top.wait_for_end() == 0
        assert bytes(top.output).isascii()


def test_what_the_sampler_raises_is_told_after_the_terminal_is_given_back() -> None:
    program = """
import os, sys
from agent.top.glyphs import UNICODE
from agent.top.live import show
from agent.top.view import View

class Broken:
    def snapshot(self):
        raise OSError("the cgroups went away")

show(Broken(), View(), delay=1, count=None, glyphs=UNICODE, environment=os.environ)
"""
    with TerminalProgram([sys.executable, "-c", program]) as top:
        before = top.modes()
        assert top.wait_for_end() == 1
        assert b"OSError: the cgroups went away" in top.output
        assert top.modes() == before


def test_panels_open_over_the_row_under_the_cursor_and_esc_leaves_them() -> None:
    with TerminalProgram([*TOP, "--filter", "cgroup=/"]) as top:
        await_rows(top)
        top.send("w")
        top.wait_for_text("agent top: why ")
        top.send("p")
        top.wait_for_text("agent top: processes of ")
        top.wait_for_text("WAITS IN")
        top.send("l")
        top.wait_for_text("no container whose log could be found")
        top.send("c")
        top.wait_for_text("[✔] name")
        top.send("\x1b")
        top.wait_for_text(" everything  sort")
        top.send("g")
        top.wait_for_text("▾ without a pod")
        top.send("q")
        assert top.wait_for_end() == 0
        assert b"Traceback" not in top.output


def test_a_pause_stops_the_clock_steps_go_back_and_on_and_esc_is_now_again() -> None:
    stopped = re.compile(r"‖ \d{4}-\d\d-\d\d (\d\d:\d\d:\d\d)")
    live = re.compile(r"(\d\d:\d\d:\d\d)  ● every")

    def clock(top: TerminalProgram) -> str:
        match = stopped.search(top.text)
        assert match is not None
        return match[1]

    with TerminalProgram([*TOP[:-1], "1"]) as top:
        await_rows(top)
        first = live.search(top.text)
        assert first is not None
        # The first two readings are less than a second apart: the clock may not tell them apart.
        top.wait_for(
            lambda text: (now := live.search(text)) is not None and now[1] > first[1], "a second"
        )
        top.send(" ")
        top.wait_for(lambda text: stopped.search(text) is not None, "a pause")
        paused = clock(top)
        top.send("T")
        top.wait_for(lambda _: clock(top) < paused, "one reading back")
        top.send("t")
        top.wait_for(lambda _: clock(top) == paused, "one reading on")
        top.send("j1h\r")
        top.wait_for_text("this is the oldest reading")
        top.send("jsoon\r")
        top.wait_for_text("'soon'")
        top.send("\x1b")
        top.wait_for_text("Space live")
        top.send("\x1b")
        top.wait_for_text("● every 1s")
        top.send("q")
        assert top.wait_for_end() == 0


def test_the_mouse_sorts_and_chooses_and_a_copy_goes_to_the_terminals_clipboard() -> None:
    def click(column: int, line: int) -> str:
        return f"\x1b[<0;{column + 1};{line + 1}M\x1b[<0;{column + 1};{line + 1}m"

    with TerminalProgram(TOP, environment={"TERM": "xterm-256color"}) as top:
        await_rows(top)
        assert b"\x1b[?1006" in top.output
        heading = top.screen.display[3]
        top.send(click(heading.index("NAME"), 3))
        top.wait_for_text("sort name▲")
        top.send(click(2, 4))
        top.wait_for(lambda _: top.screen.buffer[4][2].reverse, "the row is chosen")
        name = top.screen.display[4].split()[0]
        top.send("yn")
        top.wait_for_text(f"copied its name: {name}")
        copied = re.search(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", top.output)
        assert copied is not None
        assert base64.b64decode(copied[1]).decode() == name
        top.send("m")
        top.wait_for_text("mouse off")
        assert re.search(rb"\x1b\[\?[0-9;]*1000l", top.output)
        top.send("q")
        assert top.wait_for_end() == 0


def test_a_filter_that_is_none_says_where_and_keeps_the_prompt() -> None:
    with TerminalProgram(TOP) as top:
        await_rows(top)
        top.send("/cpu>x\r")
        top.wait_for_text("at 5: cpu is compared with a number of cores")
        top.send("\x7f100\r")
        top.wait_for_text("filter cpu>100  0 of ")
        top.send("q")
        assert top.wait_for_end() == 0
