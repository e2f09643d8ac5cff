"""Verdicts with their evidence: what a report is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from symrnn.diagnostic import Diagnostic
from symrnn.span import Span


class Kind(StrEnum):
    """The six verdicts, worst first."""

    REFUTED = "refuted"
    ILL_FORMED = "ill-formed"
    UNDECIDED = "undecided"
    CONDITIONAL = "conditional"
    PROVED = "proved"
    DEFINED = "defined"


ORDER: tuple[Kind, ...] = tuple(Kind)


def worst(kinds: Iterable[Kind]) -> Kind:
    """The worst of several verdicts; of none, *defined*."""
    return min(kinds, key=ORDER.index, default=Kind.DEFINED)


@dataclass(frozen=True)
class Scope:
    """For what a proof holds: all sizes or these, all lengths or these.

    With ``lengths`` "all", ``sizes`` names those that the line spells out; all others are free.
    """

    sizes: str | dict[str, int]
    lengths: str | tuple[int, ...]

    def words(self) -> str:
        """The scope as people say it."""
        if isinstance(self.lengths, str):
            lengths = "for every length"
        else:
            lengths = "at length " + ", ".join(map(str, self.lengths))
        if isinstance(self.sizes, str):
            return f"for all sizes, {lengths}"
        named = ", ".join(f"{k}={v}" for k, v in self.sizes.items())
        return f"at {named}, {lengths}" if named else lengths


@dataclass(frozen=True)
class Witness:
    """Where a claim fails: the instance, the component, the inputs as rationals, both sides as balls."""

    steps: int
    letters: dict[str, int]
    component: tuple[int, int]
    at: dict[str, str]
    lhs: str
    rhs: str

    def words(self) -> str:
        """One sentence."""
        where = [f"τ={self.steps}", *(f"{k}={v}" for k, v in self.letters.items())]
        if self.component != (1, 1):
            where.append(f"component {self.component[0]},{self.component[1]}")
        return f"at {', '.join(where)}: the left side is {_short(self.lhs)}, the right {_short(self.rhs)}"


def _short(ball: str) -> str:
    return ball.strip("[]").split(" +/-")[0][:10]


@dataclass(frozen=True)
class ClaimReport:
    """The verdict of one claim."""

    id: str
    kind: str
    lhs: str
    rhs: str
    reading: str
    verdict: Kind
    span: Span
    step: str | None = None
    scope: Scope | None = None
    assumptions: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    instances: tuple[Any, ...] = ()  # the decided instances of a proof, for its certificate
    general: Any = None  # the proof for every size and length, or why there is none
    witness: Witness | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    supplied: bool = False


@dataclass(frozen=True)
class EquationReport:
    """The verdict of one numbered line: the worst of its claims."""

    number: str
    line: int
    column: int
    latex: str
    verdict: Kind
    claims: tuple[ClaimReport, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
