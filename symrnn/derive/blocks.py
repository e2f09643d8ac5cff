"""What a derivation is made of: headings, paragraphs and displays; how wide formulas are, and where they break."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from symrnn.derive.lines import Line

WIDE = 68  # characters, about, of a formula on one row
SCRIPT = 0.7  # of the size of a letter
HEAD = 26  # of a left side beside which there is room
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
        halves = (x + "xxx" * x.count("\\sum") for x in (above, below))  # limits stand beside the signs there
        latex = latex[:start] + max(halves, key=length) + latex[end:]
    text = re.sub(r"\\sum_\{\w=[\w\d]+\}\^(\{\\?\w+\}|\\?\w)", "xxx ", latex)  # limits stand above and below
    text = re.sub(r"\\(left|right)[()]", "((", text)  # tall brackets
    text = re.sub(r"\\(mathbf|boldsymbol|text|operatorname|hat|mathbb|quad)\b", "", text)
    text = re.sub(r"\\(tanh|exp|ln|log|sin|cos)\b", r"\1", text)
    text = re.sub(r"\\[a-zA-Z]+", "x", text)
    text = re.sub(r"[_^]\{([^{}]*)\}", lambda m: "x" * ceil(SCRIPT * len(m[1])), text)
    return len(re.sub(r"[{}^_\s]", "", text))


def width(latex: str) -> int:
    """How wide a display is: of an alignment the widest left side and the widest right side."""
    rows = [row.partition("&") for row in re.split(r"\\\\\n", latex)]
    return max(length(left) for left, _, _ in rows) + max(length(right) for _, _, right in rows)


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
    """A long sum on several rows, broken before a plus or minus that no bracket holds; a product of tables likewise."""
    head, sign, tail = row.partition("&\\quad = ") if "&\\quad = " in row else row.partition("&= ")
    rows = [""]
    for term in _terms(tail):
        if rows[-1] and length(rows[-1]) + length(term) > ROW:
            rows.append("")
        rows[-1] += term
    rows = [part for row in rows for part in _tables(row.strip())]
    yield f"{head}{sign}{rows[0]}"
    for more in rows[1:]:
        yield f"   &\\quad {more}"


def _tables(row: str) -> Iterator[str]:
    """A product of matrices that are written out, on as many rows as it needs."""
    parts = re.split(r" (?=\\underbrace\{\\begin\{pmatrix\})", row)
    if length(row) <= ROW or any(_depth(x) for x in parts):
        yield row
        return
    rows = [parts[0]]
    for part in parts[1:]:
        if length(rows[-1]) + length(part) > ROW:
            rows.append(f"\\cdot {part}")
        else:
            rows[-1] += f" {part}"
    yield from rows


def _depth(text: str) -> int:
    return sum((c in "({[") - (c in ")}]") for c in text)


def _terms(text: str) -> Iterator[str]:
    """The terms of a sum, each with its sign."""
    depth, start = 0, 0
    for k, c in enumerate(text):
        depth += (c in "({[") - (c in ")}]")
        if depth == 0 and text[k : k + 3] in (" + ", " - "):
            yield text[start:k]
            start = k
    yield text[start:]


__all__ = ["HEAD", "WIDE", "Block", "Display", "Heading", "Text", "broken", "length", "width"]
