"""What a derivation is made of: headings, paragraphs and displays; how wide formulas are, and where they break."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from symrnn.derive.lines import Line

WIDE = 76  # characters, about, of a formula on one row
ROW = 64  # of a row in an alignment


@dataclass(frozen=True)
class Heading:
    """A title of a section."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph, with formulas between dollar signs."""

    text: str


@dataclass(frozen=True)
class Display:
    """Numbered equations: one chain of equal members a line."""

    lines: tuple[Line, ...]
    number: int
    assumed: bool = False  # the active class is put in


Block = Heading | Text | Display


def length(latex: str) -> int:
    """About how many characters wide a formula is when it is set."""
    latex = re.sub(r"\\begin\{pmatrix\}(.*?)\\end\{pmatrix\}", _matrix, latex)
    while (start := latex.rfind("\\underbrace{")) >= 0:
        body, mid = _group(latex, start + 11)
        label, end = _group(latex, mid + 1)
        latex = latex[:start] + max(body, "x" * (2 * length(label) // 3), key=length) + latex[end:]
    while (start := latex.rfind("\\frac{")) >= 0:  # the innermost last one: as wide as its wider half
        above, mid = _group(latex, start + 5)
        below, end = _group(latex, mid)
        latex = latex[:start] + max(above, below, key=length) + latex[end:]
    text = re.sub(r"\\(left|right|mathbf|boldsymbol|text|operatorname|hat|mathbb)\b", "", latex)
    text = re.sub(r"_\{\w=\d\}\^\{?\w\}?", "", text)  # limits of sums stand above and below
    text = re.sub(r"\\[a-zA-Z]+", "x", text)
    return len(re.sub(r"[{}^_\s]", "", text))


def _matrix(found: re.Match[str]) -> str:
    """As many characters as the columns of a matrix are wide."""
    rows = [row.split("&") for row in found[1].split("\\\\")]
    return "x" * (1 + sum(1 + max(map(length, column)) for column in zip(*rows, strict=False)))


def _group(text: str, start: int) -> tuple[str, int]:
    """What the brace at ``start`` holds, and where it ends."""
    depth = 0
    for k in range(start, len(text)):
        depth += (text[k] == "{") - (text[k] == "}")
        if not depth:
            return text[start + 1 : k], k + 1
    return text[start + 1 :], len(text)


def broken(row: str) -> Iterator[str]:
    """A long sum on several rows, broken before a plus or minus that no bracket holds."""
    head, _, tail = row.partition("&= ")
    rows = [""]
    for term in _terms(tail):
        if rows[-1] and length(rows[-1]) + length(term) > ROW:
            rows.append("")
        rows[-1] += term
    yield f"{head}&= {rows[0].strip()}"
    for more in rows[1:]:
        yield f"   &\\quad {more.strip()}"


def _terms(text: str) -> Iterator[str]:
    """The terms of a sum, each with its sign."""
    depth, start = 0, 0
    for k, c in enumerate(text):
        depth += (c in "({[") - (c in ")}]")
        if depth == 0 and text[k : k + 3] in (" + ", " - "):
            yield text[start:k]
            start = k
    yield text[start:]


__all__ = ["ROW", "WIDE", "Block", "Display", "Heading", "Text", "broken", "length"]
