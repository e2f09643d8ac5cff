"""Steps as letters: what follows from inequalities between them.

A constraint ``(a, b, c)`` says a − b ≥ c; ``a`` and ``b`` are letters of steps, ``""`` is zero. Conjunctions
of such constraints are decided exactly over the integers by closing them under addition (shortest paths).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from symrnn.expr import Index

ZERO = ""
Constraint = tuple[str, str, int]
Guard = tuple[Constraint, ...]


def at_least(a: Index, b: Index, by: int = 0) -> Constraint:
    """a ≥ b + by."""
    return (a.letter or ZERO, b.letter or ZERO, by + b.offset - a.offset)


def equal(a: Index, b: Index) -> Guard:
    """a = b."""
    return (at_least(a, b), at_least(b, a))


def opposite(c: Constraint) -> Constraint:
    """What holds exactly where the constraint does not."""
    return (c[1], c[0], 1 - c[2])


def tidy(constraints: Iterable[Constraint]) -> Guard | None:
    """The same constraints, the sharpest of each pair alone, in order; None where one is plainly false."""
    best: dict[tuple[str, str], int] = {}
    for a, b, c in constraints:
        if a == b:
            if c > 0:
                return None
            continue
        if best.get((a, b), c) <= c:
            best[a, b] = c
    return tuple(sorted((a, b, c) for (a, b), c in best.items()))


@lru_cache(maxsize=20_000)
def closed(guard: Guard) -> dict[tuple[str, str], int] | None:
    """The sharpest lower bound of every difference that the constraints imply; None where none can hold."""
    names = {x for a, b, _ in guard for x in (a, b)}
    best = {(a, b): c for a, b, c in guard}
    for k in names:
        for i in names:
            first = best.get((i, k))
            if first is None:
                continue
            for j in names:
                second = best.get((k, j))
                if second is not None and best.get((i, j), first + second - 1) < first + second:
                    best[i, j] = first + second
    if any(best.get((n, n), 0) > 0 for n in names):
        return None
    return best


def both(one: Guard, two: Guard) -> Guard | None:
    """The conjunction, or None where it cannot hold."""
    out = tidy((*one, *two))
    return None if out is None or closed(out) is None else out


def implies(guard: Guard, c: Constraint) -> bool:
    """Whether a constraint follows."""
    if c[0] == c[1]:
        return c[2] <= 0
    known = closed(guard)
    return known is None or known.get((c[0], c[1]), c[2] - 1) >= c[2]


def feasible(guard: Guard, c: Constraint) -> bool:
    """Whether a constraint can hold with the others."""
    return not implies(guard, opposite(c))


def distance(guard: Guard, a: Index, b: Index) -> int | None:
    """a − b where the constraints fix it."""
    one, two = a.letter or ZERO, b.letter or ZERO
    if one == two:
        return a.offset - b.offset
    known = closed(guard) or {}
    low, high = known.get((one, two)), known.get((two, one))
    if low is None or high is None or low != -high:
        return None
    return low + a.offset - b.offset


def pinned(guard: Guard, letter: str, anchors: Iterable[str]) -> Index | None:
    """The first anchor (with a shift) that a letter is equal to, if the constraints say so."""
    for anchor in anchors:
        if anchor != letter:
            gap = distance(guard, Index(letter), Index(anchor or None))
            if gap is not None:
                return Index(anchor or None, gap)
    return None


def cells(domain: Guard, items: list[tuple[int, Guard]]) -> Iterator[tuple[Guard, tuple[int, ...]]]:
    """The domain cut along all constraints of the items: every cell with the items that hold on all of it.

    ``items``: (number, constraints). Together the cells are the domain; no two of them meet.
    """
    inside: list[int] = []
    waiting: list[tuple[int, Guard]] = []
    for number, guard in items:
        if both(domain, guard) is None:
            continue
        if all(implies(domain, c) for c in guard):
            inside.append(number)
        else:
            waiting.append((number, guard))
    if not waiting:
        yield domain, tuple(inside)
        return
    cut = next(c for c in waiting[0][1] if not implies(domain, c))
    rest = [*waiting, *((n, ()) for n in inside)]
    for side in (cut, opposite(cut)):
        part = both(domain, (side,))
        if part is not None:
            yield from cells(part, rest)
