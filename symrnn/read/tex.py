r"""LaTeX files: displays and inline formulas of the document body, numbered as LaTeX numbers them.

Guarantee: comments, ``verbatim`` and what stands outside ``\begin{document}…\end{document}`` hold no
formula (macros are found everywhere); a numbered environment has its printed number.
Known limits: ``\setcounter``, ``\numberwithin`` and ``\input`` are not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from symrnn.read.document import Document
from symrnn.read.scan import OPENER, Delimiter, Row, Rule, Skip, Spot, assemble, blanked, opener_rule, walk
from symrnn.span import Source, Span

DELIMITERS: dict[str, Delimiter] = {
    "$$": Delimiter(r"\$\$", display=True),
    r"\[": Delimiter(r"\\\]", display=True),
    r"\(": Delimiter(r"\\\)", display=False),
    "$": Delimiter(r"\$", display=False, strict=False),
}

_NEVER_NUMBERED = {"displaymath"}
_VERBATIM = (
    r"(?P<verbatim>\\begin\s*\{(?P<name>(?:[vV]erbatim|lstlisting|minted|alltt)\*?)\}.*?\\end\s*\{(?P=name)\}"
    r"|\\(?:verb\*?|lstinline)(?P<mark>[^A-Za-z\s*\[{])[^\n]*?(?P=mark))"
)
_COMMENT = (
    r"(?P<comment>\\begin\s*\{comment\}.*?\\end\s*\{comment\}"
    r"|\\iffalse(?![A-Za-z]).*?\\fi(?![A-Za-z])|%[^\n]*)"
)
_HIDDEN = re.compile(rf"{_VERBATIM}|{_COMMENT}|\\.", re.S)
_TOKEN = re.compile(rf"{_VERBATIM}|{OPENER}", re.S)
_SUBEQUATIONS = re.compile(r"\\begin\s*\{subequations\}.*?\\end\s*\{subequations\}", re.S)


def read(source: Source) -> Document:
    r"""The formulas of a LaTeX text, in order.

    A display's number is the first that it prints, whether written (``\tag``) or counted; where the rows
    of an environment have one each the environment stays whole and the count goes on after them.
    Raises UsageError, with the place, for a display that is never closed.
    """
    clean = blanked(source.text, _hidden(source.text, "comment", " "))
    body = _body(blanked(clean, _hidden(source.text, "verbatim", "`")))
    rules: dict[str, Rule] = {
        "verbatim": lambda match: Skip(Span(*match.span()), "`"),
        "opener": opener_rule(source, clean, DELIMITERS),
    }
    found = list(walk(clean, _TOKEN, rules, body))
    clean = blanked(clean, [item for item in found if isinstance(item, Skip)])
    spots = [item for item in found if isinstance(item, Spot)]
    return assemble(source, clean, spots, _Counter(clean))


def _hidden(text: str, kind: str, fill: str) -> Iterator[Skip]:
    """The comments or the verbatim text: whichever begins first hides the other."""
    for match in _HIDDEN.finditer(text):
        if match[kind] is not None:
            yield Skip(Span(*match.span()), fill)


def _body(text: str) -> Span:
    """What stands between the begin and the end of the document; everything where there is none."""
    begin = re.search(r"\\begin\s*\{document\}", text)
    start = begin.end() if begin else 0
    end = re.compile(r"\\end\s*\{document\}").search(text, start)
    return Span(start, end.start() if end else len(text))


class _Counter:
    """LaTeX's equation counter; in ``subequations`` one number with letters."""

    def __init__(self, text: str) -> None:
        self._groups = [Span(*match.span()) for match in _SUBEQUATIONS.finditer(text)]
        self._group: Span | None = None
        self._count = 0
        self._letters = 0

    def __call__(self, spot: Spot, rows: Sequence[Row]) -> str | None:
        """The first number that the rows print; the counter goes on by each row that it numbers."""
        counted = spot.environment is not None and not spot.environment.endswith("*")
        counted = counted and spot.environment not in _NEVER_NUMBERED
        printed = [self._next(spot) if counted and row.open else row.number for row in rows]
        return next((number for number in printed if number), None)

    def _next(self, spot: Spot) -> str:
        group = next((g for g in self._groups if g.start <= spot.span.start < g.end), None)
        if group is None or group != self._group:
            self._count, self._letters, self._group = self._count + 1, 0, group
        if group is None:
            return str(self._count)
        self._letters += 1
        return f"{self._count}{chr(96 + self._letters)}"
