"""Markdown: displays and inline formulas as Pandoc, GitHub and MathJax delimit them.

Guarantee: no formula is found inside code, an HTML comment or a macro definition; every display that
is opened is closed, or the reader says where it was opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from symrnn.read.document import Document
from symrnn.read.scan import (
    OPENER,
    Delimiter,
    Row,
    Rule,
    Skip,
    Spot,
    assemble,
    blanked,
    located,
    opener_rule,
    walk,
)
from symrnn.span import Source, Span

# In Markdown \[ and \( are also just escaped brackets, so only $$ has to be closed.
DELIMITERS: dict[str, Delimiter] = {
    "$$": Delimiter(r"\$\$", display=True),
    r"\[": Delimiter(r"\\\]", display=True, strict=False),
    r"\(": Delimiter(r"\\\)", display=False, strict=False),
    r"\\[": Delimiter(r"(?<!\\)\\\\\]", display=True, strict=False),  # as Jekyll's authors write them
    r"\\(": Delimiter(r"(?<!\\)\\\\\)", display=False, strict=False),
    "$": Delimiter(r"\$", display=False, strict=False, tight=True),
}

_MATH_FENCES = {"math"}
_HIDDEN = {"<!--": "-->", **{f"<{tag}": f"</{tag}>" for tag in ("pre", "code", "script", "style")}}

_PREFIX = r"(?:[ \t>]|[-*+][ \t]|\d+[.)][ \t])*"
_TOKEN = re.compile(
    rf"(?P<fence>^{_PREFIX}(?:`{{3,}}[^`\n]*|~{{3,}}[^\n]*)$)"
    rf"|(?P<ticks>`+)|(?P<html><!--|<(?:pre|code|script|style)(?![a-z]))|{OPENER}",
    re.M | re.S,
)
_FENCE = re.compile(rf"{_PREFIX}(?P<mark>`{{3,}}|~{{3,}})(?P<info>.*)", re.S)
_QUOTE = re.compile(r"^[ \t]*>[> \t]*", re.M)
_FRONT_MATTER = re.compile(r"---[ \t\r]*\n")
_COMMENT = re.compile(r"\\.|(?P<comment>%[^\n]*)(?=\n)", re.S)


def read(source: Source) -> Document:
    """The formulas of a Markdown text, in order.

    The number of a display is the first that it prints; tags, labels and trailing numbers are removed
    from its LaTeX, also where the rows of an environment carry one each (the environment stays whole).
    Raises UsageError, with the place, for a display that is never closed.
    """
    text = source.text
    rules: dict[str, Rule] = {
        "fence": lambda match: _fence(source, match),
        "ticks": lambda match: _code_span(text, match),
        "html": lambda match: _html(text, match),
        "opener": opener_rule(source, text, DELIMITERS),
    }
    found = list(walk(text, _TOKEN, rules, Span(0, len(text))))
    spots = [item for item in found if isinstance(item, Spot)]
    spots = _jekyll(text, spots) if _FRONT_MATTER.match(text) else spots
    clean = blanked(text, [item for item in found if isinstance(item, Skip)])
    clean = blanked(clean, _quote_marks(clean, spots))
    clean = blanked(clean, (comment for spot in spots for comment in _comments(clean, spot.inner)))
    return assemble(source, clean, spots, _first_number)


def _jekyll(text: str, spots: list[Spot]) -> list[Spot]:
    """The spots with $$a$$ amid other text as inline, where that is how a page of Jekyll's writes them.

    Jekyll knows no other mark for them. A page is taken to be written so when it has front matter and
    more $$a$$ amid text than formulas in other inline marks.
    """
    amid = {spot for spot in spots if spot.display and not _stands_alone(text, spot.span)}
    if len(amid) <= sum(not spot.display for spot in spots):
        return spots
    return [replace(spot, display=False) if spot in amid else spot for spot in spots]


def _stands_alone(text: str, span: Span) -> bool:
    """Does a formula share no line with other text?"""
    start, end = text.rfind("\n", 0, span.start) + 1, text.find("\n", span.end)
    before, after = text[start : span.start], text[span.end : end if end >= 0 else len(text)]
    return bool(re.fullmatch(_PREFIX, before)) and not after.strip()


def _first_number(spot: Spot, rows: Sequence[Row]) -> str | None:
    return next((row.number for row in rows if row.number), None)


def _fence(source: Source, match: re.Match[str]) -> Spot | Skip | None:
    """A fenced block: a display when its info string is ``math``, otherwise code."""
    text, start = source.text, match.end()
    parts = _FENCE.fullmatch(match[0])
    if parts is None:
        return None
    mark, begin = parts["mark"], match.start() + parts.start("mark")
    close = re.compile(rf"^[ \t>]*{mark[0]}{{{len(mark)},}}[ \t\r]*$", re.M).search(text, start)
    if parts["info"].strip().lower() not in _MATH_FENCES:
        return Skip(Span(begin, close.end() if close else len(text)), "`")
    if close is None:
        raise located(source, begin, f"the formula that '{mark}math' opens here is never closed")
    return Spot(Span(begin, close.end()), Span(min(start + 1, close.start()), close.start()), display=True)


def _code_span(text: str, match: re.Match[str]) -> Skip | None:
    """Inline code: up to as many backticks as opened it, within the paragraph."""
    close = re.compile(rf"(?<!`){match[0]}(?!`)").search(text, match.end())
    if close is None or re.search(r"\n[ \t>]*\n", text[match.end() : close.start()]):
        return None
    return Skip(Span(match.start(), close.end()), "`")


def _html(text: str, match: re.Match[str]) -> Skip | None:
    """A comment, which is not there at all, or an element that holds no formulas."""
    close = text.find(_HIDDEN[match[0]], match.end())
    if close < 0:
        return None
    return Skip(Span(match.start(), close + len(_HIDDEN[match[0]])), " " if match[0] == "<!--" else "`")


def _quote_marks(text: str, spots: list[Spot]) -> Iterator[Skip]:
    """The ``>`` of block quotes; inside a formula only as many a line as its own first line has."""
    inside = 0
    for line in _QUOTE.finditer(text):
        while inside < len(spots) and spots[inside].span.end <= line.start():
            inside += 1
        if inside == len(spots) or spots[inside].span.start >= line.start():
            yield Skip(Span(*line.span()), " ")
            continue
        first = _QUOTE.match(text, text.rfind("\n", 0, spots[inside].span.start) + 1)
        depth = first[0].count(">") if first else 0
        marks = re.compile(rf"(?:[ \t]*>){{0,{depth}}}").match(text, line.start())
        if marks and depth:
            yield Skip(Span(*marks.span()), " ")


def _comments(text: str, inner: Span) -> Iterator[Skip]:
    """The comments of a formula, from an unescaped % to the end of the line; not one on its last line."""
    for match in _COMMENT.finditer(text, inner.start, inner.end):
        if match["comment"] is not None:
            yield Skip(Span(*match.span()), " ")
