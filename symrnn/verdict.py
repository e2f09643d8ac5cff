"""Verdicts with their evidence: what a report is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
        named = "" if isinstance(self.sizes, str) else ", ".join(f"{k}={v}" for k, v in self.sizes.items())
        if isinstance(self.lengths, str):
            return f"at {named}, for all lengths" if named else "for all sizes and lengths"
        *some, most = self.lengths
        known = f"τ ≤ {most}" if self.lengths == tuple(range(1, most + 1)) and some else f"τ = {_listed(self.lengths)}"
        return "at " + ", ".join(x for x in (named or "all sizes", known) if x)


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def narrowest(scopes: Iterable[Scope]) -> Scope | None:
    """What holds for all of several proofs."""
    found = list(scopes)
    sizes: dict[str, int] = {}
    for scope in found:
        if not isinstance(scope.sizes, str):
            sizes |= scope.sizes
    fixed = [set(s.lengths) for s in found if not isinstance(s.lengths, str)]
    lengths = tuple(sorted(set.intersection(*fixed))) if fixed else "all"
    return Scope(sizes or "all", lengths) if found and lengths else None


@dataclass(frozen=True)
class Witness:
    """Where a claim fails: the instance, the component, the inputs as rationals, both sides as balls.

    ``length``: the name of the last step; none in a document without steps.
    """

    steps: int
    letters: dict[str, int]
    component: tuple[int, int]
    at: dict[str, str]
    lhs: str
    rhs: str
    length: str = "tau"

    def words(self) -> str:
        """One sentence."""
        length = "τ" if self.length == "tau" else self.length
        where = [*([f"{length}={self.steps}"] if length else []), *(f"{k}={v}" for k, v in self.letters.items())]
        if self.component != (1, 1):
            where.append(f"component {self.component[0]},{self.component[1]}")
        place = ", ".join(where) or "a point"
        return f"at {place}: the left side is {_short(self.lhs)}, the right {_short(self.rhs)}"


def _short(ball: str) -> str:
    shown = ball.strip("[]")
    return "about 0" if shown.startswith("+/-") else shown.split(" +/-")[0][:10]


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
    typed: Any = None  # both sides as they were understood
    where: tuple[Any, ...] = ()  # the conditions on their letters
    given: tuple[str, ...] = ()  # the assumptions that were made
    witness: Witness | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    supplied: bool = False


@dataclass(frozen=True)
class TextEdit:
    """Replace the characters ``start <= k < end`` by ``text``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Repair:
    """An edition of an equation whose every claim is proved or defined as printed.

    ``edits`` replace characters of the equation's LaTeX, ``places`` the same of the source (empty where a macro
    stands in between). ``slips``: the class of each slip undone. *safe*: the smallest, and no other is as small;
    *unsafe*: a choice between editions of one size; *display-only*: the source cannot be edited there.
    """

    latex: str
    edits: tuple[TextEdit, ...]
    places: tuple[TextEdit, ...]
    slips: tuple[str, ...]
    applicability: str
    after: str = ""  # the number of an earlier line whose repair this one relies on
    kept: str = "left"  # the side that stays: ``right`` where the line speaks of another quantity than it printed

    @property
    def words(self) -> str:
        """The slips as a phrase, each once."""
        slips = " + ".join(dict.fromkeys(self.slips))
        return f"{slips}, mended with ({self.after})" if self.after else slips


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
    repairs: Sequence[Repair] = ()
