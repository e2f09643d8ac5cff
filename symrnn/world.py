"""What expressions are evaluated in, and to: the scalars of a model, matrices of terms, and why there is no value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from symrnn.algebra.terms import Term
from symrnn.expr import Symbol


class Leaf(NamedTuple):
    """One scalar of the model: component (row, col) of a symbol at a step."""

    symbol: Symbol
    row: int
    col: int
    time: int | None

    def __str__(self) -> str:
        axes = [k for k, d in zip((self.row, self.col), self.symbol.shape, strict=True) if d != 1]
        name = self.symbol.name.removesuffix("(t)")
        return (
            name
            + ("[" + ",".join(map(str, axes)) + "]" if axes else "")
            + (f"@{self.time}" if self.time is not None else "")
        )


class Inadmissible(Exception):
    """A step outside the sequence, or a component outside its axis: the instance says nothing.

    ``letter``: the letter of that step; ``missing``: a sum or product runs over it, so that it has no value at all.
    """

    letter: str | None = None
    missing = False


class Unsupported(Exception):
    """The evaluator abstains, and why."""


class Mat(NamedTuple):
    """A matrix of terms, by rows."""

    rows: tuple[tuple[Term, ...], ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.rows), len(self.rows[0])

    def map(self, f: Callable[[Term], Term]) -> Mat:
        """The function of every entry."""
        return Mat(tuple(tuple(f(x) for x in row) for row in self.rows))

    def column(self) -> list[Term]:
        """All entries, row by row."""
        return [x for row in self.rows for x in row]


class World(Protocol):
    """What an expression is evaluated in."""

    sizes: Mapping[str, int]

    def leaf(self, leaf: Leaf) -> Term:
        """The term of a scalar of the model."""

    def admit(self, step: int) -> None:
        """Raises Inadmissible for a step outside the sequence."""

    def derivative(self, of: Term, wrt: Leaf | str, copy: int | None) -> Term:
        """The derivative of a term by a scalar (or by one of the formula's own variables)."""

    def direct(self, of: Term, wrt: Leaf | str) -> Term:
        """The derivative by what a term, or the definition of a quantity, mentions itself."""
