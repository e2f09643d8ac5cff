"""What a report has proved, as equations that may run; what it has not, to be refused by number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symrnn.claims import Claim, Definition
from symrnn.diagnostic import UsageError
from symrnn.expr import Dim, Expr, Gradient, Index, Ref, Symbol
from symrnn.latex.tree import Name
from symrnn.verdict import EquationReport, Kind

if TYPE_CHECKING:
    from symrnn.library import Report

GOOD = (Kind.PROVED, Kind.DEFINED)


@dataclass(frozen=True)
class Fact:
    """One proved claim, ``lhs = rhs`` for all values of its letters from ``low`` steps after the first to ``high``
    steps before the last. ``assumptions``: those that the proof used, by name.
    """

    number: str
    lhs: Expr
    rhs: Expr
    letters: dict[str, Dim | None]
    assumptions: tuple[str, ...] = ()
    low: int = 0
    high: int = 0


@dataclass(frozen=True)
class Refused:
    """An equation that may not run, and the quantities whose derivative it would have given."""

    number: str
    verdict: Kind
    about: frozenset[Symbol]
    whole: bool = False  # its left side is a derivative by a whole quantity

    def __str__(self) -> str:
        return f"({self.number}) is {self.verdict.value}"


@dataclass
class Knowledge:
    """The definitions and proved claims of a document, and what was refused."""

    definitions: list[Definition]
    facts: list[Fact]
    refused: list[Refused]
    verdicts: dict[str, Kind]


def knowledge(report: Report, only: tuple[str, ...] | None = None) -> Knowledge:
    """Read a report. ``only``: use no claim but those of these equations.

    Raises UsageError for a definition, or an equation of ``only``, that is not proved; it is named by its number.
    """
    checker = report.checker
    verdicts = {e.number: e.verdict for e in report.equations}
    out = Knowledge(list(checker.paper.definitions), [], [], verdicts)
    for definition in out.definitions:
        _demand(verdicts, definition.number, "defines")
    for number in only or ():
        if number not in verdicts:
            raise UsageError(f"{report.path} has no equation ({number})")
        _demand(verdicts, number, "is asked for")
    for equation, found in zip(checker.paper.equations, report.equations, strict=True):
        if only is not None and equation.number not in only:
            continue
        for claim in equation.claims:
            if found.verdict in GOOD:
                out.facts += _fact(report, claim, found)
            else:
                about = frozenset(_about(report, claim))
                if about:
                    out.refused.append(Refused(found.number, found.verdict, about, _whole(report, claim)))
    return out


def _demand(verdicts: dict[str, Kind], number: str, why: str) -> None:
    verdict = verdicts.get(number, Kind.DEFINED)
    if verdict not in GOOD:
        raise UsageError(f"equation ({number}) {why} but is {verdict.value}, not proved")


def _fact(report: Report, claim: Claim, found: EquationReport) -> Iterator[Fact]:
    """The claim as a fact, if it is an equality whose conditions on letters are understood."""
    judgement = report.checker.judged.get(id(claim.rhs))
    if judgement is None or judgement.kind is not Kind.PROVED or judgement.typed is None:
        return
    if claim.conditional or claim.lhs is None:
        return
    typed = judgement.typed
    if typed.conditions:
        return
    steps = report.checker.manifest.steps
    low = high = 0
    known = {*typed.letters, *report.checker.manifest.sizes, steps.last, None}
    for condition in claim.where:
        if not {condition[0].letter, condition[2].letter} <= known:
            continue  # it concerns another statement
        bounds = _bounds(condition, typed.letters, steps.first, steps.last)
        if bounds is None:
            return
        low, high = max(low, bounds[0]), max(high, bounds[1])
    yield Fact(found.number, typed.lhs, typed.rhs, typed.letters, judgement.assumptions, low, high)


_MIRROR = {"<": ">", ">": "<", "≤": "≥", "≥": "≤"}


def _bounds(
    condition: tuple[Index, str, Index], letters: dict[str, Dim | None], first: int, last: str
) -> tuple[int, int] | None:
    """How far from the ends of the sequence a condition such as ``t < τ`` keeps its step; None: not understood."""
    one, relation, two = condition
    if two.letter in letters:
        one, two, relation = two, one, _MIRROR.get(relation, relation)
    if one.letter not in letters or letters[one.letter] is not None or relation not in _MIRROR:
        return None
    room = two.offset - one.offset  # t relation end + room
    if two.letter == last and relation in "<≤":
        return 0, max(0, -room + (relation == "<"))
    if two.letter is None and relation in ">≥":
        return max(0, room - first + (relation == ">")), 0
    return None


def _whole(report: Report, claim: Claim) -> bool:
    judgement = report.checker.judged.get(id(claim.rhs))
    lhs = judgement.typed.lhs if judgement is not None and judgement.typed is not None else None
    return isinstance(lhs, Gradient) and isinstance(lhs.wrt, Ref)


def _about(report: Report, claim: Claim) -> Iterator[Symbol]:
    """The quantities by which the left side of a claim derives, as far as one can tell."""
    judgement = report.checker.judged.get(id(claim.rhs))
    if judgement is not None and judgement.typed is not None:
        for x in judgement.typed.lhs.walk():
            if isinstance(x, Gradient):
                yield from (y.symbol for y in x.wrt.walk() if isinstance(y, Ref))
        return
    nodes = list(claim.lhs.walk()) if claim.lhs is not None else []
    if any(isinstance(n, Name) and n.text in ("\\nabla", "\\partial") for n in nodes):
        for node in nodes:
            match = report.checker.context.names.match(node)
            if match is not None:
                yield match.symbol
