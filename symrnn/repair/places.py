"""Places of typed claims: where they stand, which can be exchanged apart from each other, where two claims differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from symrnn.claims import Typed
from symrnn.expr import (
    Add,
    Diag,
    Divide,
    Entry,
    Expr,
    Gradient,
    Index,
    MatMul,
    Reduce,
    Slice,
    Table,
    Times,
    Total,
    Trace,
    Transpose,
)

_WHOLE = (Gradient, Entry)  # evaluated as a whole
_LINEAR = (Add, Diag, Entry, MatMul, Reduce, Slice, Table, Times, Total, Trace, Transpose)


class Paths:
    """Where the places of a claim stand in it."""

    def __init__(self, typed: Typed) -> None:
        self.paths: dict[int, tuple[Expr, ...]] = {}
        self.over: dict[int, set[int]] = {}  # what stands above, or is it, wherever it stands
        self.side: dict[int, int] = {}
        for k, root in enumerate((typed.lhs, typed.rhs)):
            stack: list[tuple[Expr, tuple[Expr, ...]]] = [(root, ())]
            while stack:
                node, above = stack.pop()
                path = (*above, node)
                self.paths.setdefault(id(node), path)
                self.over.setdefault(id(node), set()).update(map(id, path))
                self.side.setdefault(id(node), k)
                stack.extend((child, path) for child in node.children())

    def nested(self, one: Sequence[Expr], other: Sequence[Expr]) -> bool:
        """Whether a place of one set stands inside a place of the other."""
        return any(
            any(x is b for x in self.paths[id(a)]) or any(x is a for x in self.paths[id(b)]) for a in one for b in other
        )

    def separate(self, one: Sequence[Expr], other: Sequence[Expr]) -> bool:
        """Whether changes at two sets of places add up: each stands in a term of its own of one linear sum."""
        return all(self._apart(a, b) for a in one for b in other)

    def _apart(self, a: Expr, b: Expr) -> bool:
        if self.side[id(a)] != self.side[id(b)]:
            return True  # the difference of the sides is a sum of the two
        common = [x for x, y in zip(self.paths[id(a)], self.paths[id(b)], strict=False) if x is y]
        return isinstance(common[-1], (Add, Table)) and all(
            isinstance(x, _LINEAR) or (isinstance(x, Divide) and x.left is below) for x, below in pairwise(common)
        )


def separate(e: Expr) -> Iterator[Expr]:
    """The places of an expression at which alternatives can stand, where an expression stands twice, twice."""
    yield e
    if not isinstance(e, _WHOLE):
        for child in e.children():
            yield from separate(child)


def differences(one: Expr, other: Expr) -> list[tuple[Expr, Expr]]:
    """The smallest places at which two expressions differ, as pairs."""
    if one is other:
        return []
    if type(one) is not type(other) or one.shape != other.shape:
        return [(one, other)]
    if isinstance(one, _WHOLE):
        return [] if one == other else [(one, other)]
    found: list[tuple[Expr, Expr]] = []
    for name in one.__match_args__:
        a, b = getattr(one, name), getattr(other, name)
        pairs = paired(a, b)
        if pairs is None:
            return [(one, other)]
        for x, y in pairs:
            found += differences(x, y)
    return found


def paired(a: object, b: object) -> list[tuple[Expr, Expr]] | None:
    """The subexpressions of two field values side by side, or None where something else differs."""
    if isinstance(a, Expr) and isinstance(b, Expr):
        return [(a, b)]
    if isinstance(a, tuple) and isinstance(b, tuple):
        if len(a) != len(b):
            return None
        found = []
        for x, y in zip(a, b, strict=True):
            inner = paired(x, y)
            if inner is None:
                return None
            found += inner
        return found
    return [] if a == b else None


def own_indices(e: Expr) -> Iterator[Index]:
    """The indices that an expression has itself."""
    for value in vars(e).values():
        yield from (i for i in (value if isinstance(value, tuple) else (value,)) if isinstance(i, Index))
