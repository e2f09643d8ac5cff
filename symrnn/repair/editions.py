"""Editions of one line: texts that could stand in its place, what they claim, and which of them are proved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from symrnn.checker import Checker
from symrnn.claims import Claim, Equation, Typed
from symrnn.diagnostic import Problem
from symrnn.elaborate.claim import elaborate
from symrnn.elaborate.paper import Flow, Line, Lines
from symrnn.expr import Expr, Gradient, Ref, Symbol, variable
from symrnn.latex import notation as n
from symrnn.latex.parser import parse
from symrnn.latex.tree import Statements, Tree
from symrnn.repair.state import State, distance, rarity
from symrnn.verdict import EquationReport, Kind

_PROVED_AT_MOST = 8


@dataclass(frozen=True)
class Found:
    """A proved edition of the line. ``slips``: the classes of what was mended; ``size``: slips, places."""

    latex: str
    slips: tuple[str, ...]
    size: tuple[int, int]
    new_head: int  # whether it speaks of another quantity than the line
    idle: bool  # a derivative in it is by what its quantity does not depend on
    unique: bool  # no choice was made on the way
    readings: frozenset[str]  # what it says


class Editions:
    """The line ``k`` of a document and what may be put in its place, the lines before it being as they are."""

    def __init__(self, checker: Checker, lines: Lines, k: int, flow: Flow) -> None:
        self.checker = checker
        self.lines = lines
        self.k = k
        self.line = lines.lines[k]
        self.flow = flow
        self.refused: set[str] = set()
        self.head: Tree | None = None

    def read(self, latex: str) -> Statements | None:
        """The tree of a text, None where it cannot be read."""
        try:
            return parse(latex, None, self.lines.words)
        except (Problem, RecursionError):
            return None

    def equation(self, latex: str, tree: Statements) -> Equation:
        """What a text of the line claims."""
        formula = replace(self.line.formula, latex=latex)
        return self.lines.equation(self.k, Line(self.line.number, formula, tree, None), self.flow)[0]

    def proved(self, hits: Iterable[State], unique: bool) -> list[Found]:
        """The smallest of the candidates that the checker proves as printed, each meaning once. ``unique``: no choice
        led to them.
        """
        original = self.line.formula.latex
        candidates = {s.latex: s for s in hits}
        ranked = sorted(
            ((s.cost, s.places), (distance(original, latex), len(latex)), latex) for latex, s in candidates.items()
        )
        found: list[Found] = []
        meant: set[tuple[tuple[Expr, Expr] | None, ...]] = set()
        for size, _, latex in ranked:
            state = candidates[latex]
            turned = self.new_head(state.claims)
            if found and size > found[0].size and (turned or not _kept(state, found)):
                continue
            if len(found) >= _PROVED_AT_MOST:
                break
            if self.circular(state):
                continue
            meaning = tuple(None if x is None else (x.lhs, x.rhs) for x in state.typed)
            report = None if meaning in meant else self.prove(latex)
            if report is not None:
                meant.add(meaning)
                sound = self.tells(state) and (not turned or self.said_elsewhere())
                alone = unique and (sound or state.slips == ("bracket",))
                readings = frozenset(c.reading for c in report.claims)
                idle = self.idle(state)
                found.append(Found(latex, state.slips, size, int(turned), idle, alone and not idle, readings))
        return found

    def prove(self, latex: str) -> EquationReport | None:
        """The report of a text whose every claim is proved or defined as printed, or None."""
        tree = None if latex in self.refused else self.read(latex)
        if tree is None:
            return None
        report = self.checker.narrow(self.equation(latex, tree))
        good = {Kind.PROVED, Kind.DEFINED}
        if report.verdict in good and report.claims and all(c.verdict in good for c in report.claims):
            return report
        self.refused.add(latex)
        return None

    def tells(self, state: State) -> bool:
        """Whether every claim says something of the model: not an identity among letters that nothing defines."""
        for claim, typed in zip(state.claims, state.typed, strict=True):
            if typed is None or claim.lhs is None or claim.kind == "definition" or claim.relation not in n.EQUALITIES:
                continue
            parts = [*typed.lhs.walk(), *typed.rhs.walk()]
            nodes = self.checker.context.nodes
            if not any(isinstance(e, Gradient) or (isinstance(e, Ref) and e.symbol in nodes) for e in parts):
                return False
        return True

    def circular(self, state: State) -> bool:
        """Whether a claim gives a quantity in terms of itself, where the line does not."""
        if any(map(_circular, self._printed)):
            return False
        equal = [c.kind != "definition" and c.relation in n.EQUALITIES for c in state.claims]
        return any(t is not None and e and _circular(t) for t, e in zip(state.typed, equal, strict=True))

    def idle(self, state: State) -> bool:
        """Whether a derivative that the line does not print is by what its quantity does not depend on."""
        found = {x for typed in state.typed if typed is not None for x in self._idle(typed)}
        return bool(found) and not found <= {x for typed in self._printed for x in self._idle(typed)}

    def _idle(self, typed: Typed) -> Iterator[Gradient]:
        for e in (*typed.lhs.walk(), *typed.rhs.walk()):
            if isinstance(e, Gradient) and isinstance(by := variable(e.wrt), Ref):
                if by.symbol not in self._sources(x.symbol for x in e.of.walk() if isinstance(x, Ref)):
                    yield e

    @cached_property
    def _printed(self) -> list[Typed]:
        """The claims of the line as printed, those that have a meaning."""
        found = []
        tree = self.line.tree
        for claim in () if tree is None else self.equation(self.line.formula.latex, tree).claims:
            if claim.lhs is not None and claim.kind != "definition" and claim.relation in n.EQUALITIES:
                try:
                    typed = elaborate(self.checker.context, claim)
                except Problem:
                    continue
                found += [] if typed is None else [typed]
        return found

    def _sources(self, symbols: Iterable[Symbol]) -> set[Symbol]:
        """What quantities are computed from, themselves included."""
        found: set[Symbol] = set()
        waiting = list(symbols)
        while waiting:
            symbol = waiting.pop()
            if symbol not in found:
                found.add(symbol)
                definitions = self.checker.model.definitions.get(symbol, ())
                waiting += [x.symbol for d in definitions for x in d.rhs.walk() if isinstance(x, Ref)]
        return found

    def new_head(self, claims: Iterable[Claim]) -> bool:
        """Whether claims speak of another quantity than the line: the side that they leave is the right one."""
        start = next((c.lhs for c in claims if c.lhs is not None), None)
        return start is not None and start != self.head

    def said_elsewhere(self) -> bool:
        """Whether another line speaks of the quantity that this line has on its left."""
        others = (e for e in self.checker.paper.equations if e.number != self.line.number)
        return any(c.lhs == self.head for e in others for c in e.claims)


def _circular(typed: Typed) -> bool:
    return any(e == typed.lhs for e in typed.rhs.walk())


def _kept(state: State, found: Sequence[Found]) -> bool:
    """Whether a state undoes as many slips, as common ones, and keeps what the line speaks of where none found does."""
    same = state.cost == found[0].size[0] and all(f.new_head for f in found)
    return same and rarity(state.slips) <= min(rarity(f.slips) for f in found)
