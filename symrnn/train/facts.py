"""What of a document is proved, as equations that may run; what is not, to be refused by number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from symrnn.checker import Checker
from symrnn.claims import Claim, Definition, Typed, key
from symrnn.diagnostic import Problem, UsageError
from symrnn.elaborate.claim import elaborate
from symrnn.elaborate.context import AS_PRINTED
from symrnn.expr import Dim, Expr, Gradient, Index, Ref, Symbol
from symrnn.latex.notation import EQUALITIES
from symrnn.latex.tree import Name
from symrnn.verdict import EquationReport, Kind

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


class Knowledge:
    """What a document says and how much of it is proved, found out as far as somebody asks.

    ``facts``: the claims that may run, by the place of their equation and theirs on it. A fact is a presumption until
    its equation is *settled*, that is, judged: then it is what was proved, or it is gone. So only what runs is judged.
    """

    def __init__(
        self, checker: Checker, path: str, known: dict[int, EquationReport], only: tuple[str, ...] | None = None
    ) -> None:
        """``known``: verdicts by place, to which more are added. ``only``: use no claim but of these equations.

        Raises UsageError for a definition, or an equation of ``only``, that is not proved; it is named by its number.
        """
        self.checker = checker
        self.path = path
        self.equations = checker.paper.equations
        self.definitions: list[Definition] = list(checker.paper.definitions)
        self._reports = known
        self._only = only
        self._settled: set[int] = set()
        places = {e.number: k for k, e in reversed(list(enumerate(self.equations)))}
        for k, equation in enumerate(self.equations):  # those that define again, or fail to, as well
            if any(c.kind == "definition" and c.lhs is not None for c in equation.claims):
                self._demand(k, equation.number, "defines")
        for number in only or ():
            if number not in places:
                raise UsageError(f"{path} has no equation ({number})")
            self._demand(places[number], number, "is asked for")
        self.facts: dict[tuple[int, int], Fact] = {}
        for k, equation in enumerate(self.equations):
            if equation.problem is None and (only is None or equation.number in only):
                for j, claim in enumerate(equation.claims):
                    self._put((k, j), self._presumed(claim, equation.number))

    def report(self, place: int) -> EquationReport:
        """The verdict of an equation, decided when it is first asked for."""
        found = self._reports.get(place)
        if found is None:
            found = self._reports[place] = self.checker.equation(self.equations[place])
        return found

    def settle(self, place: int) -> bool:
        """Replace what is presumed of an equation by what is proved; False when that was done before."""
        if place in self._settled:
            return False
        self._settled.add(place)
        good = self.report(place).verdict in GOOD
        equation = self.equations[place]
        for j, claim in enumerate(equation.claims):
            self._put((place, j), self._proved(claim, equation.number) if good else None)
        return True

    @property
    def refused(self) -> Iterator[Refused]:
        """The equations that may not run, all others judged too."""
        for k, equation in enumerate(self.equations):
            if self._only is not None and equation.number not in self._only:
                continue
            verdict = self.report(k).verdict
            for claim in equation.claims if verdict not in GOOD else ():
                about = frozenset(self._about(claim))
                if about:
                    yield Refused(equation.number, verdict, about, self._whole(claim))

    def _demand(self, place: int, number: str, why: str) -> None:
        verdict = self.report(place).verdict
        if verdict not in GOOD:
            raise UsageError(f"equation ({number}) {why} but is {verdict.value}, not proved")

    def _put(self, at: tuple[int, int], fact: Fact | None) -> None:
        self.facts.pop(at, None)
        if fact is not None:
            self.facts[at] = fact

    def _presumed(self, claim: Claim, number: str) -> Fact | None:
        """What a claim says as printed, if it is an equality."""
        if claim.relation not in EQUALITIES or claim.lhs is None:
            return None
        if claim.kind == "definition":
            if key(claim) not in self.checker.paper.again:
                return None
            claim = replace(claim, kind="relation")
        try:
            typed = elaborate(self.checker.context, claim, AS_PRINTED)
        except Problem:
            return None
        return None if typed is None else self._fact(claim, number, typed, ())

    def _proved(self, claim: Claim, number: str) -> Fact | None:
        found = self.checker.judged.get(id(claim.rhs))
        if found is None or found.kind is not Kind.PROVED or found.typed is None:
            return None
        return self._fact(claim, number, found.typed, found.assumptions)

    def _fact(self, claim: Claim, number: str, typed: Typed, assumptions: tuple[str, ...]) -> Fact | None:
        """The claim as a fact, if it is an equality whose conditions on letters are understood."""
        if claim.conditional or claim.lhs is None or typed.conditions:
            return None
        manifest = self.checker.manifest
        steps = manifest.steps
        low = high = 0
        known = {*typed.letters, *manifest.sizes, steps.last, None}
        for condition in claim.where:
            if not {condition[0].letter, condition[2].letter} <= known:
                continue  # it concerns another statement
            bounds = _bounds(condition, typed.letters, steps.first, steps.last)
            if bounds is None:
                return None
            low, high = max(low, bounds[0]), max(high, bounds[1])
        return Fact(number, typed.lhs, typed.rhs, typed.letters, assumptions, low, high)

    def _typed(self, claim: Claim) -> Typed | None:
        found = self.checker.judged.get(id(claim.rhs))
        return found.typed if found is not None else None

    def _whole(self, claim: Claim) -> bool:
        typed = self._typed(claim)
        return typed is not None and isinstance(typed.lhs, Gradient) and isinstance(typed.lhs.wrt, Ref)

    def _about(self, claim: Claim) -> Iterator[Symbol]:
        """The quantities by which the left side of a claim derives, as far as one can tell."""
        typed = self._typed(claim)
        if typed is not None:
            for x in typed.lhs.walk():
                if isinstance(x, Gradient):
                    yield from (y.symbol for y in x.wrt.walk() if isinstance(y, Ref))
            return
        nodes = list(claim.lhs.walk()) if claim.lhs is not None else []
        if any(isinstance(n, Name) and n.text in ("\\nabla", "\\partial") for n in nodes):
            for node in nodes:
                match = self.checker.context.within(claim.section).names.match(node)
                if match is not None:
                    yield match.symbol


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
