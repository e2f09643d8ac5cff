"""Elaboration of edited claims: what an edit leaves alone is elaborated once.

The trees of a claim before and after an edit share all parts but those above the edit. What a part means depends on
the part, and on what is known of its letters when the elaborator comes to it; what it leaves behind is what has become
known of them. Both are remembered with the expression, so that an edited part can be elaborated where it stands: if its
shape and what it leaves behind are those of the printed part, the rest of the claim means what it did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import islice
from operator import attrgetter
from types import NoneType
from typing import Any

from symrnn.claims import Claim, Typed
from symrnn.diagnostic import Problem
from symrnn.elaborate.claim import elaborate
from symrnn.elaborate.context import AS_PRINTED, Context
from symrnn.elaborate.contraction import Chains, Cubic, Inside
from symrnn.elaborate.expression import Elaborator
from symrnn.elaborate.scope import Letter
from symrnn.expr import Expr, Number, Symbol
from symrnn.latex import tree as t
from symrnn.repair.places import differences, separate
from symrnn.repair.revise import exchange

_KNOWN = tuple(f.name for f in fields(Letter) if f.name != "span")  # of a letter
_known = attrgetter(*_KNOWN)
Facts = tuple[tuple[int, str, tuple[Any, ...]], ...]  # depth, letter, what is known of it
_CLIMBS = 2  # to the part around, where the shape changes
_WORTH_IT = (t.Additive, t.Product, t.Frac, t.Fence, t.Call, t.Big, t.Brace, t.Matrix, t.Script)


@dataclass(frozen=True)
class Met:
    """An elaborated part with what it left behind: letters, further quantities in their styles, further shorthands."""

    value: Expr
    facts: Facts
    exact: tuple[tuple[Symbol, bool], ...]
    shorthands: tuple[str, ...]


@dataclass
class Memory:
    """The parts of some claims, by identity (who asks keeps their trees), and what was elaborated of them."""

    about: dict[int, frozenset[str]] = field(default_factory=dict)  # the names printed in each part
    met: dict[tuple[int, Facts], Met] = field(default_factory=dict)
    chains: Chains = field(default_factory=Chains)

    def add(self, tree: t.Tree, always: frozenset[str]) -> frozenset[str]:
        """Take in a tree with its parts; ``always``: names that may matter where they are not printed."""
        names = always.union(*(self.add(child, always) for child in tree.children()))
        if isinstance(tree, (t.Name, t.Word)):
            names |= {tree.text}
        self.about[id(tree)] = names
        return names


class Recall(Elaborator):
    """Elaborates claims as printed, the parts that it remembers from memory."""

    def __init__(self, context: Context, memory: Memory) -> None:
        super().__init__(context, AS_PRINTED)
        self.memory = memory
        self.chains = memory.chains

    def expr(self, tree: t.Tree) -> Expr:
        """The typed expression of a tree."""
        about = self.memory.about.get(id(tree)) if isinstance(tree, _WORTH_IT) else None
        if about is None or self.aside:
            return super().expr(tree)
        met = self.memory.met.get((id(tree), self.facts(about)))
        if met is not None and self._resumed(met):
            return met.value
        return self.anew(tree, about)

    def anew(self, tree: t.Tree, about: frozenset[str]) -> Expr:
        """The expression of a part, remembered."""
        key = id(tree), self.facts(about)
        styles, words = len(self.exact), len(self.shorthands)
        value = super().expr(tree)
        if not self.aside:
            exact = tuple(islice(self.exact.items(), styles, None))
            self.memory.met[key] = Met(value, self.facts(about), exact, tuple(self.shorthands[words:]))
        return value

    @property
    def aside(self) -> bool:
        """Whether more is known than letters: a formula's own variables, arguments."""
        return bool(self.locals or self.arguments)

    def facts(self, about: frozenset[str] | None = None) -> Facts:
        """What is known of some letters, or of all."""
        return tuple(
            (depth, name, _known(letter))
            for depth, frame in enumerate(self.scope.stack)
            for name, letter in frame.items()
            if about is None or name in about
        )

    def learn(self, facts: Facts) -> None:
        """Know of letters what was known."""
        stack = self.scope.stack
        for depth, name, known in facts:
            while len(stack) <= depth:
                stack.append({})
            letter = stack[depth].setdefault(name, Letter())
            for what, value in zip(_KNOWN, known, strict=True):
                setattr(letter, what, value)

    def _resumed(self, met: Met) -> bool:
        """Whether a part could leave behind what it did; a quantity in two styles cannot."""
        if any(self.exact.setdefault(symbol, style) != style for symbol, style in met.exact):
            return False
        self.learn(met.facts)
        self.shorthands += [name for name in met.shorthands if name not in self.shorthands]
        return True


@dataclass(frozen=True)
class Visit:
    """A part of a claim: what was known when the elaborator came to it, its value, what was known afterwards."""

    tree: t.Tree
    before: Facts
    value: Expr
    after: Facts
    order: int  # among the visits, as they ended


@dataclass
class Visits:
    """The parts of one claim: what stands directly above each, and how each was elaborated, if that was once."""

    above: dict[int, t.Tree | None] = field(default_factory=dict)
    once: dict[int, Visit | None] = field(default_factory=dict)  # None: more than once
    begun: set[int] = field(default_factory=set)  # the parts that the elaborator came to
    failed: str = ""  # the code of what went wrong
    letters: frozenset[str] = frozenset()  # that the claim depends on

    def place(self, tree: t.Tree, above: t.Tree | None = None) -> None:
        """Take in where the parts of a side stand."""
        self.above[id(tree)] = above
        for child in tree.children():
            self.place(child, tree)

    def keep(self, values: Container[int]) -> None:
        """Leave out parts whose values do not stand in the typed claim, at one place that can be exchanged."""
        self.once = {k: v if v is not None and id(v.value) in values else None for k, v in self.once.items()}

    def around(self, tree: t.Tree | None) -> Visit | None:
        """The smallest part that holds a tree, or is it, and has a value."""
        while tree is not None:
            found = self.once.get(id(tree))
            if found is not None:
                return found
            tree = self.above[id(tree)]
        return None

    def over(self, tree: t.Tree) -> Iterator[int]:
        """The identities of what stands above a tree."""
        found = self.above[id(tree)]
        while found is not None:
            yield id(found)
            found = self.above[id(found)]


class Record(Recall):
    """Elaborates a claim and records the visits of its parts."""

    def __init__(self, context: Context, memory: Memory, visits: Visits) -> None:
        super().__init__(context, memory)
        self.visits = visits

    def expr(self, tree: t.Tree) -> Expr:
        """The typed expression of a tree."""
        about = self.memory.about.get(id(tree))
        if about is None or self.aside:
            return Elaborator.expr(self, tree)
        before = self.facts()
        value = self.anew(tree, about) if isinstance(tree, _WORTH_IT) else Elaborator.expr(self, tree)
        again = id(tree) in self.visits.once or self.aside or self.numbered
        self.visits.once[id(tree)] = None if again else Visit(tree, before, value, self.facts(), len(self.visits.once))
        return value

    def factor(self, tree: t.Tree) -> Expr | Cubic:
        """What stands as a factor or alone."""
        self.visits.begun.add(id(tree))
        return super().factor(tree)


class Editing:
    """The claims of a line as typed, and what edits of their parts make of them."""

    def __init__(self, context: Context, claims: Sequence[Claim]) -> None:
        self.context = context
        self.claims = claims
        self.memory = Memory()
        self.refused: Expr | None = None
        self.visits = [Visits() for _ in claims]
        always = frozenset({context.manifest.steps.index, *context.sizes})
        for claim, visits in zip(claims, self.visits, strict=True):
            for side in (claim.lhs, claim.rhs):
                if side is not None:
                    self.memory.add(side, always)
                    visits.place(side)

    def printed(self, j: int) -> Typed | None:
        """The claim ``j`` as printed. Raises Problem where it has no meaning."""
        visits, claim = self.visits[j], self.claims[j]
        context = self.context.within(claim.section)
        try:
            typed = elaborate(context, claim, elaborator=Record(context, self.memory, visits))
        except Inside:  # both sides beside an arbitrary vector
            visits.once.clear()
            return elaborate(context, claim)
        except Problem as problem:
            visits.failed = problem.diagnostic.code
            raise
        if typed is not None:
            stands = Counter(id(e) for side in (typed.lhs, typed.rhs) for e in separate(side))
            visits.letters = frozenset(typed.letters)
            visits.keep({e for e, count in stands.items() if count == 1})
        return typed

    def fails(self, j: int, made: Mapping[int, tuple[t.Tree, t.Tree]]) -> bool:
        """Whether a claim that has no meaning as printed has none after an exchange either: what was elaborated
        before it failed leaves behind what it did, and what stands behind the failure was never come to.
        """
        visits = self.visits[j]
        if visits.failed in ("", "SR206"):  # a letter without a range may be compared elsewhere
            return False
        behind = [k for k in made if k in visits.above and k not in visits.begun]
        if all(isinstance(self._come_to(visits, k), (t.Additive, NoneType)) for k in behind):
            before = {k: x for k, x in made.items() if k not in behind}
            try:
                return visits.above.keys().isdisjoint(before) or self.changes(j, before) is not None
            except (Problem, RecursionError):
                return True
        return False

    def _come_to(self, visits: Visits, k: int) -> t.Tree | None:
        """The smallest part around a tree that the elaborator came to."""
        around = visits.above[k]
        while around is not None and id(around) not in visits.begun:
            around = visits.above[id(around)]
        return around

    def edited(self, claim: Claim) -> Typed | None:
        """A claim that shares parts with these. Raises Problem where it has no meaning."""
        context = self.context.within(claim.section)
        try:
            return elaborate(context, claim, elaborator=Recall(context, self.memory))
        except Inside:
            return elaborate(context, claim)

    def changes(self, j: int, made: Mapping[int, tuple[t.Tree, t.Tree]]) -> list[tuple[Expr, Expr]] | None:
        """The places of the claim ``j`` that exchanged parts change, each with what stands there then; None where the
        rest of the claim may mean something else too. ``made``: by identity, a part and what takes its place.

        Raises Problem where what takes a place has no meaning there, or makes a letter free; ``refused`` is then what
        stood there.
        """
        self.refused = None
        visits = self.visits[j]
        parts = [old for k, (old, _) in made.items() if k in visits.above]
        trees = {k: new for k, (_, new) in made.items()}
        holding = frozenset(k for old in parts for k in visits.over(old))
        waiting = [(visits.around(self._dependent(visits, old, trees[id(old)])), 0) for old in parts]
        waiting.sort(key=lambda w: -1 if w[0] is None else w[0].order)  # what is known before a part must still hold
        settled: dict[int, tuple[Visit, list[tuple[Expr, Expr]]]] = {}
        while waiting:
            visit, climbed = waiting.pop(0)
            if visit is None or climbed > _CLIMBS:
                return None
            above = {id(visit.tree), *visits.over(visit.tree)}
            if not above.isdisjoint(settled) or any(o is not None and id(o.tree) in above for o, _ in waiting):
                continue  # it changes with what stands around it
            elab = Recall(self.context.within(self.claims[j].section), self.memory)
            elab.learn(visit.before)
            self.refused = visit.value
            try:
                value = elab.expr(exchange(visit.tree, trees, holding))
            except Inside:  # what stands beside it may give it a meaning
                waiting.append((visits.around(visits.above[id(visit.tree)]), climbed + 1))
                continue
            facts = elab.facts()
            news = set(facts).symmetric_difference(visit.after)
            if elab.aside or elab.numbered or any(depth == 0 for depth, _, _ in news):
                if self._runs_free(j, parts, facts, visit):
                    raise Problem("SR209", "a free letter", visit.tree.span)
                return None
            if news:  # of letters that a sum around binds
                waiting.append((visits.around(visits.above[id(visit.tree)]), climbed))
                continue
            single = len(parts) == 1 and not self.context.manifest.broadcast and not visits.failed
            if single and _clashes(value, visit.value, self._beside(j, visit.tree)):
                raise Problem("SR301", "a term of another shape", visit.tree.span)
            if value.shape != visit.value.shape or isinstance(value, Number) != isinstance(visit.value, Number):
                waiting.append((visits.around(visits.above[id(visit.tree)]), climbed + 1))
                continue
            settled = {k: s for k, s in settled.items() if id(visit.tree) not in visits.over(s[0].tree)}
            settled[id(visit.tree)] = visit, differences(visit.value, value)
        return [pair for _, pairs in settled.values() for pair in pairs]

    def _dependent(self, visits: Visits, old: t.Tree, new: t.Tree) -> t.Tree | None:
        """The smallest part that reads an exchanged one by its looks: a bracket may be an argument."""
        return old if isinstance(old, t.Fence) == isinstance(new, t.Fence) else visits.above[id(old)]

    def _runs_free(self, j: int, parts: Sequence[t.Tree], facts: Facts, visit: Visit) -> bool:
        """Whether a part on the right leaves behind a letter that nothing on the left has: an index has no meaning
        there, and what holds at every step alike says nothing of one.
        """
        claim = self.claims[j]
        if claim.lhs is None or claim.kind == "label" or claim.einstein:
            return False
        if any(k == id(claim.lhs) for part in parts for k in (id(part), *self.visits[j].over(part))):
            return False
        had = {name for depth, name, _ in (*visit.before, *visit.after) if depth == 0} | self.visits[j].letters
        new = [dict(zip(_KNOWN, known, strict=True)) for depth, name, known in facts if depth == 0 and name not in had]
        return any(not letter["given"] for letter in new)

    def _beside(self, j: int, tree: t.Tree) -> int:
        """How many terms of a sum, or sides of the claim, a part is one of; literal numbers take every shape."""
        above, claim = self.visits[j].above[id(tree)], self.claims[j]
        terms = [term for _, term in above.terms] if isinstance(above, t.Additive) else []
        sides = [claim.lhs, claim.rhs] if above is None else []
        return sum(not isinstance(x, t.Num) for x in (*terms, *sides))


def _clashes(new: Expr, old: Expr, beside: int) -> bool:
    """Whether what stands beside a value keeps it from changing its shape."""
    return beside > 1 and new.shape != old.shape and not isinstance(new, Number) and not isinstance(old, Number)
