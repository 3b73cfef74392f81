"""The manual page agent(1), in man(7)'s macros, from the argument parsers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from agent.completion.tree import Command, Option

_SECTIONS: Final = """\
.SH FILES
.TP
.I /etc/agent/agent.toml
The configuration, where there is one. \\fBagent config show \\-\\-origin\\fR says what holds.
.TP
.I /var/lib/container\\-agent
Checkpoints of the logs, and the history.
.SH ENVIRONMENT
.TP
.B AGENT_\\fISECTION\\fB_\\fIKEY\\fR
One key of the configuration, as \\fBAGENT_METRICS_LISTEN\\fR. \\fB\\-\\-set\\fR beats it,
and it beats the file.
.TP
.B NO_COLOR
No colours.
"""


def page(commands: Iterable[Command], version: str) -> str:
    """The whole page."""
    program, *every = commands
    examples, exits = _parts(program.epilog)
    lines = [
        f'.TH AGENT 1 "" "container\\-agent {_text(version)}" "User Commands"\n',
        ".SH NAME\n",
        f"agent \\- {_text(program.description.rstrip('.'))}\n",
        ".SH SYNOPSIS\n.B agent\n.I COMMAND\n.RI [ OPTION ]...\n",
        ".SH DESCRIPTION\n",
        f"{_text(program.description)}\n",
        "Each command has all of this, and examples, behind\n.BR \\-\\-help .\n",
        ".SH COMMANDS\n",
    ]
    for command in every:
        lines += _command(command)
    lines += [".SH EXAMPLES\n", *_literal(examples), ".SH EXIT STATUS\n", *_literal(exits)]
    return "".join([*lines, _SECTIONS])


def _command(command: Command) -> Iterator[str]:
    yield f".SS {_quoted(' '.join(('agent', *command.path, *_operands(command))))}\n"
    # "`agent top`: what …" has its heading already.
    _, _, description = command.description.rpartition("`: ")
    yield f"{_text(description)}\n"
    for option in command.options:
        if option.flags != ("-h", "--help"):
            yield from _option(option)
    if command.epilog:
        yield ".PP\n"
        yield from _literal(command.epilog.splitlines())


def _operands(command: Command) -> Iterator[str]:
    if command.commands:
        yield "ACTION"
    for operand in command.positionals:
        yield f"[{operand.metavar}]" if operand.optional else operand.metavar


def _option(option: Option) -> Iterator[str]:
    flags = ", ".join(f"\\fB{_text(flag)}\\fR" for flag in option.flags)
    value = f" \\fI{_text(option.metavar)}\\fR" if option.takes else ""
    yield f".TP\n{flags}{value}\n{_text(option.help)}\n"


def _parts(epilog: str) -> tuple[list[str], list[str]]:
    """The examples and the exit codes of the program's epilog, without their headings."""
    examples, _, exits = epilog.partition("exit codes:\n")
    return examples.removeprefix("examples:\n").strip("\n").splitlines(), exits.splitlines()


def _literal(lines: Iterable[str]) -> Iterator[str]:
    yield ".nf\n"
    for line in lines:
        yield f"{_text(line)}\n"
    yield ".fi\n"


def _quoted(text: str) -> str:
    return f'"{_text(text)}"'


def _text(text: str) -> str:
    """Text as roff takes it: ASCII alone, a minus is one, and no line begins with a request."""
    written = text.translate(_SIGNS)
    written = "".join(sign if sign.isascii() else f"\\[u{ord(sign):04X}]" for sign in written)
    return "\n".join(
        f"\\&{line}" if line[:1] in (".", "'") else line for line in written.split("\n")
    )


_SIGNS: Final = str.maketrans({"\\": "\\e", "-": "\\-", '"': "\\(dq", "`": "\\(ga", "~": "\\(ti"})
