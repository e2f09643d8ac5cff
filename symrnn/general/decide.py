"""Claims for every size and every length: proved in general, or no answer and why. Nothing is ever refuted here.

A claim is proved for all sizes ≥ 1, all lengths and all letters for which every quantity on the line exists. The
difference of both sides at a generic component is brought to normal form; where that is not yet zero, the latest
derivative (or node) of a recurrence is opened by one step and what it opens to is compared again. Where the line
spells out components, the axes that they stand on get their declared numbers, and the scope says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import product as tuples
from typing import Any

from symrnn.claims import Definition, Typed
from symrnn.expr import Expr, Index, Number, Reduce, Ref, Symbol
from symrnn.general import zero
from symrnn.general.axes import ONE, STEP, Shapes
from symrnn.general.differentiate import Graph
from symrnn.general.form import Abstain, Adj, Atom, Comp, Fn, Form
from symrnn.general.network import Mark, Network, given_forms, mark
from symrnn.general.ring import MOST_WORK, Ring
from symrnn.general.times import Guard, at_least, both
from symrnn.general.translate import Translator
from symrnn.general.write import Statement, derivation
from symrnn.manifest import Manifest

Condition = tuple[Index, str, Index]
ROUNDS = 3
BRIEF = 400


@dataclass(frozen=True)
class General:
    """What is proved: the numbers of the axes that the line spells out (none: every size), and how.

    ``explain`` writes the derivation down.
    """

    sizes: dict[str, int]
    explain: Callable[[], tuple[Statement, ...]] = field(default=tuple, compare=False, repr=False)

    @property
    def derivation(self) -> tuple[str, ...]:
        """The steps of the proof: what was opened, and the induction over the steps."""
        return tuple(s.says for s in self.explain())


@dataclass(frozen=True)
class Silent:
    """No general proof, and why."""

    reason: str


class Disagreement(Exception):
    """The two deciders contradict each other: one of them is wrong."""


class GeneralDecider:
    """Decides the claims of one document in general. ``lags``: how far before the first step a quantity is given."""

    debug = False  # let exceptions through

    def __init__(
        self,
        definitions: Iterable[Definition],
        manifest: Manifest,
        lags: Mapping[Symbol, int],
        timed: bool = True,
    ) -> None:
        self.definitions = list(definitions)
        self.first, self.last = manifest.steps.first, manifest.steps.last
        self.lags, self.timed = lags, timed
        self.shapes = Shapes(manifest.sizes)
        self.problem: str | None = None
        self.networks: dict[Any, Network] = {}
        try:
            for d in self.definitions:
                self._infer(d, self.shapes)
        except (Abstain, RecursionError) as reason:
            self.problem = f"the definitions: {reason}"

    def _infer(self, d: Definition, shapes: Shapes) -> None:
        """The axes that a definition (or an assumption) makes one."""
        scope = {str(i.letter): STEP for i in (d.time, Index(self.last)) if i is not None and i.letter is not None}
        axes = shapes.of_symbol(d.symbol)
        for index, axis in ((d.row, axes[0]), (d.col, axes[1])):
            if index is not None and axis != ONE:
                shapes.index(index, axis, scope)
        found = shapes.of(d.rhs, scope)
        for index, mine, theirs in ((d.row, axes[0], found[0]), (d.col, axes[1], found[1])):
            if index is None and mine != theirs:
                shapes.unify(mine, theirs)
        if d.row is not None and d.row.letter is None and axes[0] != ONE:
            shapes.fixed.add(axes[0])
        if d.col is not None and d.col.letter is None and axes[1] != ONE:
            shapes.fixed.add(axes[1])

    # -- networks -------------------------------------------------------------------------------

    def network(self, shapes: Shapes, pins: dict[str, int], assumptions: tuple[Definition, ...], fine: bool) -> Network:
        """The definitions where these axes have numbers, under assumptions."""
        key = (tuple(sorted(pins.items())), tuple(id(a) for a in assumptions), fine)
        found = self.networks.get(key)
        if found is None:
            ones = {}
            rest = []
            for a in assumptions:
                total = self.sums_to(a)
                axis = shapes.find(max(shapes.of_symbol(a.symbol), key=lambda x: x != ONE))
                if total is not None and axis not in pins:
                    ones[a.symbol.name] = total
                else:
                    rest.append(a)
            ring = Ring(pins, ones)
            graph = Graph(self.definitions, self.shapes, ring, self.first, self.last)
            own = Shapes(self.shapes.sizes, self.shapes)
            for a in rest:
                self._infer(a, own)
            found = self.networks[key] = Network(graph, given_forms(graph, own, rest), fine)
        return found

    def sums_to(self, d: Definition) -> Fraction | None:
        """The number that the components sum to, where an assumption gives one as that number less all others."""
        shapes = Shapes(self.shapes.sizes, self.shapes)
        axes = [shapes.find(a) for a in shapes.of_symbol(d.symbol)]
        long = [k for k in (0, 1) if axes[k] != ONE]
        index = (d.row, d.col)[long[0]] if len(long) == 1 else None
        if (
            index is None
            or index.letter is not None
            or (d.time is not None and (d.time.letter is None or d.time.offset))
        ):
            return None
        axis = axes[long[0]]
        number = shapes.numbers.get(axis)
        if number is None:
            return None
        ring = Ring({axis: number})
        tr = Translator(ring, shapes, {str(d.time.letter): STEP} if d.time is not None else {})
        form = tr(d.rhs)
        for k in range(1, number + 1):
            here = Index(None, k)
            one = Index(None, 1)
            if here != index:
                form = ring.add(
                    form, ring.atom(Comp(d.symbol, *((here, one) if long[0] == 0 else (one, here)), d.time))
                )
        return form.number

    # -- claims ---------------------------------------------------------------------------------

    def decide(
        self,
        typed: Typed,
        where: tuple[Condition, ...] = (),
        assumptions: tuple[Definition, ...] = (),
        brief: bool = False,
    ) -> General | Silent:
        """A general proof, or silence with a reason; ``brief``: the first attempt alone, and little work."""
        if self.problem is not None:
            return Silent(self.problem)
        reason = "the normal forms differ"
        try:
            attempts = list(self._attempts(typed, assumptions))
        except (Abstain, RecursionError) as error:
            return Silent(str(error))
        for fine in (False,) if brief else (False, True):
            for shapes, scope, pins in attempts[: 1 if brief else None]:
                try:
                    explain = self._prove(typed, where, assumptions, shapes, scope, pins, fine, brief)
                except Abstain as error:
                    reason = str(error)
                    continue
                except RecursionError:
                    reason = "nested too deeply"
                    continue
                if explain is not None:
                    counted = {shapes.find(a) for a in shapes.counted} - set(pins)
                    return General(self._named(shapes, {*pins, *counted}), explain)
        return Silent(reason)

    def _named(self, shapes: Shapes, axes: set[str]) -> dict[str, int]:
        """The axes that a proof needs as numbers, by the names that the manifest has for them; all, if in doubt."""
        names = {a: shapes.say(a) for a in axes if not a.startswith("?")}  # the others are of explicit matrices alone
        if len(set(names.values())) < len(names):
            return dict(shapes.sizes) or {f"{n} ({a})": shapes.numbers[a] for a, n in sorted(names.items())}
        return {names[a]: shapes.numbers[a] for a in sorted(names, key=lambda a: names[a]) if a in shapes.numbers}

    def _attempts(
        self, typed: Typed, assumptions: tuple[Definition, ...]
    ) -> Iterator[tuple[Shapes, dict[str, str], dict[str, int]]]:
        """The axes of a claim, with fewer and then more of them at their declared numbers."""
        shapes, scope = self.axes(typed, assumptions)
        fixed = {shapes.find(a) for a in (*shapes.fixed, *self.shapes.fixed)}
        literal = fixed | {shapes.find(a) for a in shapes.literals}
        every = literal | {shapes.find(a) for a in shapes.up if not a.startswith("?")}
        seen = set()
        for chosen in (fixed, literal, every):
            numbers = {a: shapes.numbers.get(a) for a in chosen}
            pins = {a: n for a, n in numbers.items() if n is not None}
            if len(pins) == len(chosen) and frozenset(pins) not in seen:
                seen.add(frozenset(pins))
                yield shapes, scope, pins

    def axes(self, typed: Typed, assumptions: tuple[Definition, ...]) -> tuple[Shapes, dict[str, str]]:
        """The axes of a claim and those that its letters run over. Raises Abstain where it depends on the numbers."""
        shapes = Shapes(self.shapes.sizes, self.shapes)
        scope = {name: STEP for name, dim in typed.letters.items() if dim is None}
        scope[self.last] = STEP
        left, right = shapes.of(typed.lhs, scope), shapes.of(typed.rhs, scope)
        for a, b in zip(left, right, strict=True):
            if a != b and not (isinstance(typed.rhs, Number) and ONE in (a, b)):
                shapes.unify(a, b)
        for d in assumptions:
            if self.sums_to(d) is None:
                self._infer(d, shapes)
        return shapes, scope

    def axes_of_definitions(self, shapes: Shapes) -> None:
        """Let ``shapes`` know every part of the definitions too."""
        shapes.memo.update(self.shapes.memo)
        shapes.bound.update(self.shapes.bound)

    def _prove(
        self,
        typed: Typed,
        where: tuple[Condition, ...],
        assumptions: tuple[Definition, ...],
        shapes: Shapes,
        scope: dict[str, str],
        pins: dict[str, int],
        fine: bool,
        brief: bool,
    ) -> Callable[[], tuple[Statement, ...]] | None:
        """What writes the derivation down, or None where some difference is not zero."""
        net = self.network(self.shapes, pins, assumptions, fine)
        ring = net.ring
        ring.work = MOST_WORK - BRIEF if brief else 0
        fixed_symbols = {a.symbol for a in assumptions}

        def derive(of: Form, wrt: Comp | str, copy: Index | None) -> Form:
            if isinstance(wrt, Comp) and wrt.symbol in fixed_symbols:
                raise Abstain("a derivative by a quantity that an assumption fixes")
            return net.graph.derive(of, wrt, copy)

        tr = Translator(ring, shapes, scope, derive)
        notes = [
            f"{a.symbol.name}: its components sum to {net.ring.ones[a.symbol.name]}, at every size"
            for a in assumptions
            if a.symbol.name in net.ring.ones
        ]
        pairs: set[tuple[Symbol, Symbol]] = set()
        rows, cols = tr.axes(typed.lhs)
        names = [name for name, dim in typed.letters.items() if dim is not None]
        if not shapes.letters.keys() >= set(names):
            raise Abstain("a letter that indexes nothing")
        ranges = [self._values(ring, shapes, shapes.letters[n], Index(n)) for n in names]
        sides = [self._values(ring, shapes, a, Index(ring.fresh())) for a in (rows, cols)]
        domains = self._domains(typed, where)
        for i, j in tuples(*sides):
            gap = ring.sub(tr(typed.lhs, i, j), tr.entry(typed.rhs, i, j))
            pairs |= {(a.of.symbol, a.wrt.symbol) for a in _everything(gap) if isinstance(a, Adj)}
            for values in tuples(*ranges):
                here = ring.rename(gap, dict(zip(names, values, strict=True)))
                for domain in domains:
                    if not zero.vanishes(
                        ring, net.normal(here, domain), domain, self.last, lambda f, d: self._zero(net, f, d, notes)
                    ):
                        return None
        return partial(derivation, net, pairs, tuple(dict.fromkeys(notes)))

    @staticmethod
    def _values(ring: Ring, shapes: Shapes, axis: str, letter: Index) -> list[Index]:
        axis = shapes.find(axis)
        if axis == ONE:
            return [Index(None, 1)]
        if axis in ring.pins:
            return [Index(None, k) for k in range(1, ring.pins[axis] + 1)]
        return [letter]

    def _domains(self, typed: Typed, where: tuple[Condition, ...]) -> list[Guard]:
        """Where every quantity of the line exists and its conditions hold, as disjoint pieces."""
        last, first = Index(self.last), Index(None, self.first)
        guard = [at_least(last, Index(None, 1))]
        steps = {name for name, dim in typed.letters.items() if dim is None}
        for name in steps:
            guard += [at_least(Index(name), first), at_least(last, Index(name))]
        for side in (typed.lhs, typed.rhs):
            for ref in self._outside(side):
                assert ref.time is not None
                if ref.time.letter in steps | {None, self.last}:
                    given = self.lags.get(ref.symbol, 0)
                    guard += [at_least(ref.time, first.shifted(-given)), at_least(last, ref.time)]
        out = [tuple(guard)]
        known = steps | {None, self.last}
        for a, relation, b in where:
            if {a.letter, b.letter} <= known:
                out = [(*g, *extra) for g in out for extra in _RELATIONS[relation](a, b)]
        tight = (both((), g) for g in out)
        return [g for g in tight if g is not None]

    def _outside(self, e: Expr) -> Iterator[Ref]:
        """The quantities with a step that stand outside of all sums over steps."""
        if isinstance(e, Ref) and e.time is not None:
            yield e
        if isinstance(e, Reduce) and (e.timed or e.low != Index(None, 1)):
            return
        for child in e.children():
            yield from self._outside(child)

    # -- rounds ---------------------------------------------------------------------------------

    def _zero(self, net: Network, form: Form, domain: Guard, notes: list[str]) -> bool:
        """Whether a form is zero on a domain without open cases, opening recurrences step by step."""
        first = form = self._laid_out(net, form, domain)
        for _ in range(ROUNDS):
            if not form:
                return True
            keys = frozenset(self._latest(net, form))
            if not keys:
                break
            form = self._again(net, form, domain, forced=keys)
            notes.extend(_says(k) for k in sorted(keys))
            if zero.undecided(zero.trimmed(net.ring, form, domain), domain) is not None:
                if zero.vanishes(net.ring, form, domain, self.last, lambda f, d: not self._laid_out(net, f, d)):
                    return True
                break
            form = zero.laid_out(net.ring, form, domain)
        for left in (form, first) if form else ():
            if any(isinstance(a, Adj) and a.of.time is None for a in _everything(left)):
                form = zero.laid_out(net.ring, self._again(net, left, domain, parts=True), domain)
                if not form:
                    notes.append("the derivative of a sum over steps: the sum of the derivatives")
                    return True
        return not form

    @staticmethod
    def _laid_out(net: Network, form: Form, domain: Guard) -> Form:
        return zero.laid_out(net.ring, net.normal(form, domain), domain)

    @staticmethod
    def _again(
        net: Network, form: Form, domain: Guard, forced: frozenset[Mark] = frozenset(), parts: bool = False
    ) -> Form:
        """The normal form with some things opened that are otherwise left closed."""
        net.forced, net.parts = forced, parts
        net.renew()
        try:
            return net.normal(form, domain)
        finally:
            net.forced, net.parts = frozenset(), False
            net.renew()

    @staticmethod
    def _latest(net: Network, form: Form) -> list[Mark]:
        """The derivatives by the earliest step, or the nodes at the latest, of those that are left closed."""
        adjoints: dict[str, list[tuple[int, Mark]]] = {}
        nodes: dict[str, list[tuple[int, Mark]]] = {}
        for atom in _atoms(form, frozenset()):
            if isinstance(atom, Adj):
                time, group, sign = atom.wrt.time, adjoints, 1
            elif atom.symbol in net.recurrent:
                time, group, sign = atom.time, nodes, -1
            else:
                continue
            letter, shift = ("", 0) if time is None else (time.letter or "", time.offset)
            group.setdefault(letter, []).append((sign * shift, mark(atom)))
        out: set[Mark] = set()
        for found in (adjoints or nodes).values():
            first = min(at for at, _ in found)
            out.update(m for at, m in found if at == first)
        return sorted(out)


def _atoms(form: Form, bound: frozenset[str]) -> Iterator[Adj | Comp]:
    """The derivatives and components of a form whose steps no sum binds."""
    for mono, _ in form.terms:
        inner = bound | frozenset(mono.steps)
        for atom, _ in mono.atoms:
            if isinstance(atom, (Adj, Comp)):
                if atom.letters.isdisjoint(inner):
                    yield atom
            elif isinstance(atom, Fn):
                yield from _atoms(atom.arg, inner)


def _everything(form: Form) -> Iterator[Atom]:
    """The atoms of a form, without those in functions."""
    return (atom for mono, _ in form.terms for atom, _ in mono.atoms)


def _says(m: Mark) -> str:
    """What was opened, in words."""
    if len(m) == 2:
        return f"the derivative of {m[0]} by {m[1]}: one step of the reverse chain rule over the users of {m[1]}"
    return f"{m[0]} by its definition"


_RELATIONS: dict[str, Callable[[Index, Index], list[Guard]]] = {
    "=": lambda a, b: [(at_least(a, b), at_least(b, a))],
    "≠": lambda a, b: [(at_least(a, b, 1),), (at_least(b, a, 1),)],
    "<": lambda a, b: [(at_least(b, a, 1),)],
    ">": lambda a, b: [(at_least(a, b, 1),)],
    "≤": lambda a, b: [(at_least(b, a),)],
    "≥": lambda a, b: [(at_least(a, b),)],
}
