"""The two lines at the bottom: what is to be said, and what the keys do just now. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from agent.top.glyphs import Glyphs
from agent.top.keys import BINDINGS
from agent.top.prompt import Choice, filter_mistake
from agent.top.screen import Line, Span, Style, line
from agent.top.view import Prompt, View
from agent.top.width import clean, display_width

_EXAMPLES = {
    "filter": "ns=shop  cpu>1  mem.of_limit>90  severity>=warning  image~nginx  !debug",
    "jump": "03:12  5m  1h30m  2026-11-24T03:12",
}


def note_line(view: View, said: Sequence[str], width: int, glyphs: Glyphs) -> Line:
    """A word on the last key; else a mistake in what is typed; else what is not there, and why."""
    if view.prompt is not None and view.prompt.asks == "filter":
        mistake = filter_mistake(view.prompt.text)
        if mistake is not None:
            text = clean(mistake, ascii_only=glyphs.ascii_only)
            return line([Span(f" {glyphs.warning} {text}", Style.WARNING)], width)
    if view.message:
        return line([Span(f" {_plain(view.message, glyphs)}", Style.STRONG)], width)
    if view.prompt is not None and view.prompt.asks == "command":
        from agent.top.command import offers  # only who types one needs it

        return line([Span(" " + "  ".join(offers(view.prompt.text)), Style.FAINT)], width)
    if view.prompt is not None and view.prompt.asks in _EXAMPLES:
        return line([Span(f" {_EXAMPLES[view.prompt.asks]}", Style.FAINT)], width)
    return line([Span(" " + "   ".join(said), Style.WARNING)], width)


def key_line(view: View, choices: Sequence[Choice], width: int, glyphs: Glyphs) -> Line:
    """What is being typed, the choices of a menu, or the keys; as many as there is room for."""
    if view.prompt is not None:
        return prompt_line(view.prompt, width, glyphs)
    if view.menu:
        spans = [Span(f" {view.menu}:", Style.STRONG)]
        pairs = [(choice.letter, choice.label) for choice in choices] + [("Esc", "back")]
    else:
        spans, pairs = [], list(_named_keys(glyphs))
        if view.at is not None:
            pairs = [("Space", "live"), ("T", "back"), ("t", "on"), ("j", "jump"), *pairs]
    left = width - sum(display_width(span.text) for span in spans)
    for key, word in dict.fromkeys(pairs):
        pair = [Span(f" {key} ", Style.KEY), Span(f"{word} ")]
        left -= sum(display_width(span.text) for span in pair)
        if left < 0:
            break
        spans += pair
    return line(spans, width)


def prompt_line(prompt: Prompt, width: int, glyphs: Glyphs) -> Line:
    """What is typed so far."""
    asks, text = prompt.asks, _plain(prompt.text, glyphs)
    tab = [Span("  Tab ", Style.KEY), Span("complete")] if asks == "command" else []
    return line(
        [
            Span(f" {asks}: ", Style.KEY),
            Span(text),
            Span(glyphs.cursor),
            *tab,
            Span("  Enter ", Style.KEY),
            Span({"jump": "go", "command": "do it"}.get(asks, "keep")),
            Span("  Esc ", Style.KEY),
            Span("give up"),
        ],
        width,
    )


def _plain(text: str, glyphs: Glyphs) -> str:
    return clean(text, ascii_only=glyphs.ascii_only)


def _named_keys(glyphs: Glyphs) -> tuple[tuple[str, str], ...]:
    """(key, word) of the keys the footer names."""
    return (
        *((binding.keys[0], binding.short) for binding in BINDINGS if binding.short),
        (f"{glyphs.up} {glyphs.down}", "move"),
    )
