r"""Quantities that are many: ``x_i \in \mathbb{R}^d, i = 1, \dots, N`` declares N vectors, as rows of one table.

The range must be said: of a ``y_k`` declared without one, k may be a part of the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from symrnn.diagnostic import Problem
from symrnn.elaborate.scope import to_index
from symrnn.expr import SCALAR, Dim, Expr, Index, Reduce, Ref, Shape, Symbol
from symrnn.latex import tree as t
from symrnn.span import Span

_FIRST = Index(None, 1)
COUNTING = frozenset("ijklmnpqr")  # letters that one counts with


def indices_of(scripts: Iterable[t.Tree]) -> list[Index]:
    """The scripts that may be indices."""
    return [index for script in scripts if (index := to_index(script)) is not None]


def ranges(tree: t.Statements) -> dict[str, Dim]:
    r"""The letters that a declaration says the range of: ``i = 1, \dots, N`` and ``1 \le i \le N``."""
    found: dict[str, Dim] = {}
    for k, item in enumerate(tree.items):
        match item:
            case t.Chain((("", a), ("=", first))):
                listed = [first, *tree.items[k + 1 : k + 3]]
                if isinstance(first, t.Product):
                    listed = [f for _, f in first.factors]
                if len(listed) != 3 or not isinstance(listed[1], t.Dots):
                    continue
                low, letter, high = listed[0], a, listed[2]
            case t.Chain((("", low), ("\\le" | "\\leq", letter), ("\\le" | "\\leq", high))):
                pass
            case _:
                continue
        index, dim = to_index(letter), _dim(high)
        if index is not None and index.letter and not index.offset and to_index(low) == _FIRST and dim is not None:
            found[index.letter] = dim
    return found


def _dim(tree: t.Tree) -> Dim | None:
    index = to_index(tree)
    if index is None or (index.letter is not None and index.offset):
        return None
    return index.letter if index.letter is not None else index.offset


def family(symbol: Symbol, subs: list[t.Tree], sups: list[t.Tree], known: Mapping[str, Dim]) -> Symbol | None:
    """The symbol of a name with scripts that run over known ranges; None where they do not, or not as here."""
    letters = [index.letter if (index := to_index(sub)) and not index.offset else None for sub in subs]
    dims = [known.get(x or "") for x in letters]
    rows, cols = symbol.shape
    found: tuple[str, Shape] | None = None
    if sups and isinstance(sups[0], t.Fence) and len(sups) == 1 and not subs:
        index = to_index(sups[0])
        dim = known.get(index.letter or "") if index is not None and not index.offset else None
        if dim is not None and 1 in symbol.shape:
            found = "sup", (dim, rows if cols == 1 else cols)
    elif sups or not subs or None in dims or len(set(letters)) < len(letters):
        return None
    elif symbol.shape == SCALAR and len(dims) <= 2:
        found = "", (dims[0] or 1, dims[1] or 1 if len(dims) > 1 else 1)
    elif 1 in symbol.shape and len(dims) == 1:
        found = "sub", (dims[0] or 1, rows if cols == 1 else cols)
    if found is None:
        return None
    return Symbol(symbol.key, symbol.style, "", found[1], family=found[0], across=rows == 1 != cols)


def loose(symbol: Symbol) -> frozenset[str]:
    """The letters in a name that may be an index elsewhere: the i of an x_i whose range nobody says."""
    return frozenset(re.findall(r"(?<![A-Za-z\\])[a-z](?![A-Za-z])", symbol.label))


def no_doubt(sides: Iterable[Expr], letters: Iterable[str], span: Span) -> None:
    """Raises Problem where a letter in a name is an index of the same line too."""
    parts = [e for side in sides for e in side.walk()]
    running = {*letters, *(e.letter for e in parts if isinstance(e, Reduce))}
    for e in parts:
        if isinstance(e, Ref) and (doubtful := loose(e.symbol) & running):
            letter = min(doubtful)
            why = f"is '{e.symbol.name}' one quantity, or one for each {letter}? Its declaration gives no range"
            raise Problem("SR190", why, span)
