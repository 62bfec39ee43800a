"""The body of a lesson: Markdown, a step a heading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from backend.lessons.experiment import SET_EXAMPLE, Bench
from backend.lessons.front import only, texts, toml, words
from backend.protocol import LessonStep, Try
from lrd_core.settings import SettingError

MOST_LABEL = 60
_TRY_PARTS = ("label", "set", "add", "start")
#: Without HTML: a lesson can hold nothing that runs.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def steps(body: str, bench: Bench) -> list[LessonStep]:
    """The steps in their order.

    Args:
        body: Markdown. Each ``## Heading`` begins a step; a fenced block ``try`` is a button, a
            quotation what should be seen.
        bench: learns what the buttons do, in the order of the text.

    Raises:
        SettingError: no step, words before the first, or a button that could not be used.
    """
    tokens = _MARKDOWN.parse(body)
    starts = [i for i, token in enumerate(tokens) if token.type == "heading_open"]
    starts = [i for i in starts if tokens[i].tag == "h2"]
    if not starts:
        raise SettingError("body", body.strip()[:60], "at least one step: a line '## Heading'")
    if starts[0] > 0:
        raise SettingError("body", tokens[1].content[:60], "a line '## Heading' before any words")
    return [
        _step(number, tokens[first:last], bench)
        for number, (first, last) in enumerate(pairwise([*starts, len(tokens)]), 1)
    ]


def _step(number: int, tokens: Sequence[Token], bench: Bench) -> LessonStep:
    title = tokens[1].content
    text: list[Token] = []
    see: list[Token] = []
    tries: list[Try] = []
    for block in _blocks(tokens[3:]):
        opening = block[0]
        if opening.type == "fence" and opening.info.strip() == "try":
            try:
                tries.append(_button(opening.content, bench))
            except SettingError as error:
                raise error.within(f"step {number}.try {len(tries) + 1}") from None
        elif opening.type == "blockquote_open":
            see += block[1:-1]
        else:
            text += block
    if not text:
        raise SettingError(f"step {number}", title, "words under its heading")
    return LessonStep(title=title, text=_html(text), tries=tries, see=_html(see))


def _blocks(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """What stands beside each other at the top: a paragraph, a list, a quotation."""
    block: list[Token] = []
    depth = 0
    for token in tokens:
        block.append(token)
        depth += token.nesting
        if depth == 0:
            yield block
            block = []


def _button(text: str, bench: Bench) -> Try:
    table = toml(text, "try")
    only(table, _TRY_PARTS)
    label = words(table, "label", MOST_LABEL)
    if "start" in table:
        if "set" in table or "add" in table:
            raise SettingError("start", table["start"], "start alone, or set and add")
        return Try(label=label, controls=[], experiment=bench.start(table["start"]))
    added = [bench.add(one) for one in texts(table["add"], "add", "adam")] if "add" in table else []
    changed = (
        [bench.set(one) for one in texts(table["set"], "set", SET_EXAMPLE)]
        if "set" in table
        else []
    )
    if not added and not changed:
        raise SettingError("try", label, "set, add or start beside its label")
    return Try(label=label, controls=[*added, *changed], experiment=None)


def _html(tokens: Sequence[Token]) -> str:
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("target", "_blank")
                child.attrSet("rel", "noopener")
    return str(_MARKDOWN.renderer.render(list(tokens), _MARKDOWN.options, {}))
