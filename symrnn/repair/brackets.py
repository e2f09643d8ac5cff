"""Lines that cannot be read because a bracket is missing or too much."""

from __future__ import annotations

import re
from collections.abc import Iterator

from symrnn.repair.moves import Edit

_TOKENS = re.compile(r"\\(?:left|right)\s*(?:\\[a-zA-Z{}|]+|.)|\\[A-Za-z]+|\\.|.", re.S)
_PAIRS = (("{", "}"), ("(", ")"), ("[", "]"), ("\\left(", "\\right)"), ("\\left[", "\\right]"))
_MOST = 600


def bracket_edits(latex: str) -> Iterator[Edit]:
    """The kind of bracket that does not come out even: one put in anywhere, one taken out."""
    places = [(m.start(), m.end(), re.sub(r"\s", "", m[0])) for m in _TOKENS.finditer(latex)]
    count = 0
    for left, right in _PAIRS:
        surplus = sum((text == left) - (text == right) for *_, text in places)
        if abs(surplus) != 1:
            continue
        lacking, spare = (right, left) if surplus > 0 else (left, right)
        edits = [(start, end, "") for start, end, text in places if text == spare]
        edits += [(end, end, lacking) for _, end, text in [(0, 0, ""), *places] if text or not end]
        for edit in edits:
            count += 1
            if count > _MOST:
                return
            yield edit
