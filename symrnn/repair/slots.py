"""Where a piece of a formula stands, and what may take its place there while all else is read as it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from symrnn.latex import notation as n
from symrnn.latex import tree as t

Slot = Callable[[t.Tree, t.Tree], bool]  # whether a tree may take the place of another

_WHOLE = (t.Script, t.Name, t.Num, t.Fence, t.Frac, t.Matrix, t.Accent)  # read the same wherever they stand
_SEVERAL = (t.Chain, t.Listing, t.Prose, t.Statements, t.Empty)
_SPLITS = re.compile(r"\\\\|quad|\||\\mid|vert")  # what is read otherwise in a bracket


def slot(node: t.Tree, above: tuple[t.Tree, ...], text: str) -> Slot | None:
    """The slot in which a node stands, None for what is read with what is around it. ``text``: as printed."""
    if not above or isinstance(node, t.Empty) or any(isinstance(a, (t.Script, t.Accent)) for a in above):
        return None
    match above[-1]:
        case t.Fence(_, t.Listing(), _):
            return None
        case t.Fence():
            return None if _SPLITS.search(text) else _alone
        case t.Frac() | t.Sqrt() | t.Brace() | t.Statements() | t.Matrix():
            return _alone
        case t.Chain() if len(above) == 2:
            return _alone
        case t.Additive():
            return _term
        case t.Big(_, _, _, body) if body is node:
            return _term
        case t.Call(fn, _):
            return _function if fn is node else _argument
        case _:
            return _unit


def _alone(tree: t.Tree, old: t.Tree) -> bool:
    """Between delimiters or relations."""
    return not isinstance(tree, _SEVERAL)


def _term(tree: t.Tree, old: t.Tree) -> bool:
    """Between signs."""
    return not isinstance(tree, (*_SEVERAL, t.Additive))


def _argument(tree: t.Tree, old: t.Tree) -> bool:
    """Behind a function."""
    return isinstance(tree, t.Fence) and isinstance(old, t.Fence)


def _function(tree: t.Tree, old: t.Tree) -> bool:
    """Before an argument."""
    return isinstance(tree, t.Name) and not closed(tree)


def _unit(tree: t.Tree, old: t.Tree) -> bool:
    """Anywhere: what reads the same wherever it stands, or keeps its structure among its neighbours."""
    match tree:
        case t.Product(factors):
            steady = all(op in ("", "\\cdot", "\\times") for op, _ in factors)
        case t.Call(_, arg):
            return isinstance(arg, t.Fence)
        case _:
            steady = isinstance(tree, (t.Additive, t.Big))
    return isinstance(tree, _WHOLE) or (steady and type(tree) is type(old))


def operands(tree: t.Tree) -> Iterator[tuple[t.Tree, bool]]:
    """What stands directly in a tree, and whether a letter in its place would be read alike, and all beside it."""
    match tree:
        case t.Fence(_, body, _) | t.Sqrt(body, None) | t.Brace(_, body, None):
            yield body, not isinstance(body, _SEVERAL)
        case t.Frac(num, den):
            yield from ((part, not isinstance(part, _SEVERAL)) for part in (num, den))
        case t.Matrix(_, rows):
            yield from ((cell, not isinstance(cell, _SEVERAL)) for row in rows for cell in row)
        case t.Additive(terms):
            yield from ((term, not isinstance(term, t.Additive)) for _, term in terms)
        case t.Product(factors):
            yield from ((factor, closed(factor)) for _, factor in factors)
        case t.Big(_, _, _, body):
            yield body, not isinstance(body, t.Additive)
        case t.Script(base, _, _):
            yield base, False
        case t.Call(_, arg):
            yield arg, False
        case _:
            yield from ((child, False) for child in tree.children())


def closed(factor: t.Tree) -> bool:
    """Whether a factor takes in nothing of what stands beside it."""
    match factor:
        case t.Script(base, _, _) | t.Accent(_, base):
            return closed(base)
        case t.Name(text):
            return text.removeprefix("\\") not in n.FUNCTIONS | n.LIMIT_FUNCTIONS
        case t.Call(_, arg):
            return isinstance(arg, t.Fence)
        case _:
            return isinstance(factor, (t.Fence, t.Frac, t.Matrix, t.Sqrt))
