"""Lines of a derivation, and lines spelled out for a sequence of a given length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symrnn.derive.entries import renamed, written_out
from symrnn.expr import Expr, Index, Reduce, Ref
from symrnn.manifest import Steps

MOST_STEPS = 12  # a sum over more steps keeps its sign


@dataclass(frozen=True)
class Line:
    """``lhs`` and what it is equal to, in printed order; ``where``: for which lengths, in LaTeX."""

    lhs: Expr
    members: tuple[Expr, ...]
    where: str = ""


def over(manifest: Steps, line: Line, steps: int) -> Iterator[Line]:
    """A line for a sequence of a given length: at every step that it speaks of, sums over steps spelled out."""
    letter = manifest.index
    lhs, *members = (renamed(e, {manifest.last: Index(None, steps)}) for e in (line.lhs, *line.members))
    if not _speaks_of(lhs, letter):
        yield Line(lhs, tuple(_unrolled(e) for e in members))
        return
    late = max(_latest(e, letter) for e in (lhs, *members))
    for t in range(steps - late, manifest.first - 1, -1):
        at = {letter: Index(None, t)}
        yield Line(renamed(lhs, at), tuple(renamed(e, at) for e in members))


def _speaks_of(e: Expr, letter: str) -> bool:
    return any(
        isinstance(x, Ref) and letter in (getattr(i, "letter", None) for i in (x.time, x.copy)) for x in e.walk()
    )


def _latest(e: Expr, letter: str) -> int:
    return max(
        (x.time.offset for x in e.walk() if isinstance(x, Ref) and x.time and x.time.letter == letter), default=0
    )


def _unrolled(e: Expr) -> Expr:
    return written_out(e, MOST_STEPS, _fixed) if isinstance(e, Reduce) and e.timed else e


def _fixed(index: Index) -> int | None:
    return index.offset if index.letter is None else None
