"""Normal forms of what a line says: quantities opened to their definitions, derivatives by the chain rule.

A node whose definition is one function of something (h = tanh(…)) stays closed and names that function: the printed
tanh of the same argument becomes the node. A node of a recurrence stays closed too, and so does the derivative by
it. Everything else is opened. What holds only from the first step on is used only where the steps at hand say so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from symrnn.claims import Definition
from symrnn.expr import Index, Symbol
from symrnn.general.axes import Shapes
from symrnn.general.differentiate import COL, NOW, ROW, Graph, components, differential, evaluated
from symrnn.general.form import Abstain, Adj, Atom, Comp, Fn, Form
from symrnn.general.times import Guard, at_least, both, distance, implies

_EXPONENTIAL = frozenset({"exp", "ln", "inv", "sqrt"})
MOST_STEPS = 6  # a derivative over a known number of steps is opened if there are no more


Mark = tuple[str, ...]
OF = "@"  # begins the letters of what is derived


def mark(atom: Adj | Comp) -> Mark:
    """What an atom is, whichever component of it."""
    both = (atom.of, atom.wrt) if isinstance(atom, Adj) else (atom,)
    return tuple(c.symbol.name + (f"@{c.time}" if c.time else "") for c in both)


class Pattern:
    """A node that is ``scale · name(arg)``, with a component of the argument that shows each of its letters."""

    def __init__(self, symbol: Symbol, name: str, arg: Form, scale: Fraction) -> None:
        self.symbol, self.name, self.arg, self.scale = symbol, name, arg, scale
        inside = list(components(arg))
        self.marks = {
            x: next((c for c in inside if x in c.letters), None)
            for x in (ROW, COL, *((NOW,) if symbol.timed else ()))
            if x in arg.letters
        }


class Network:
    """The definitions under assumptions, and normal forms over them. ``fine``: everything by exponentials."""

    def __init__(self, graph: Graph, given: dict[Symbol, Form], fine: bool = False) -> None:
        self.graph, self.ring, self.given, self.fine = graph, graph.ring, given, fine
        self.patterns: dict[str, list[Pattern]] = {}
        self.closed: set[Symbol] = set(graph.cyclic)
        self.recurrent = set(graph.cyclic)  # closed nodes that may be opened one step at a time
        self.opening: set[Symbol] = set()
        self.ready: dict[Symbol, Form] = {}
        self.known: dict[tuple[str, Guard], Form] = {}
        self.settled: dict[str, bool] = {}  # functions: whether there may be something to do in them
        self.rules: dict[tuple[Symbol, Symbol], Form] = {}
        self.forced: frozenset[Mark] = frozenset()  # derivatives and nodes to be opened that are otherwise left closed
        self.parts = False  # take the loss apart: ∂(Σ_s L_s)/∂v = Σ_s ∂L_s/∂v
        if not fine:
            self._find_patterns()

    def _find_patterns(self) -> None:
        for symbol in self.graph.raw:
            form = self.definition(symbol)
            if len(form.terms) != 1:
                continue
            ((mono, q),) = form.terms
            if mono.sums or mono.steps or mono.guard or mono.deltas or len(mono.atoms) != 1:
                continue
            ((atom, p),) = mono.atoms
            if isinstance(atom, Fn) and p == 1 and atom.name not in _EXPONENTIAL:
                self.closed.add(symbol)
                pattern = Pattern(symbol, atom.name, atom.arg, q)
                axes = [x for x, d in zip((ROW, COL), symbol.shape, strict=True) if d != 1]
                if all(pattern.marks.get(x) is not None for x in (*axes, *((NOW,) if symbol.timed else ()))):
                    self.patterns.setdefault(atom.name, []).append(pattern)
        self.ready.clear()
        self.renew()
        self.rules.clear()
        self.recurrent -= {p.symbol for some in self.patterns.values() for p in some}

    def renew(self) -> None:
        """Forget what depends on what is forced open."""
        self.known.clear()
        self.settled.clear()

    def definition(self, symbol: Symbol) -> Form:
        """The normal form of a node's definition at component (@r, @c) and a step @t ≥ first."""
        found = self.ready.get(symbol)
        if found is None:
            self.opening.add(symbol)
            try:
                domain: Guard = (at_least(Index(NOW), self.graph.first),) if symbol.timed else ()
                found = self.ready[symbol] = self.normal(self.graph.raw[symbol], domain)
            finally:
                self.opening.discard(symbol)
        return found

    # -- normal forms ---------------------------------------------------------------------------

    def normal(self, form: Form, domain: Guard) -> Form:
        """The normal form where the steps lie in ``domain``."""
        ring = self.ring
        parts: list[Form] = []
        for mono, q in form.terms:
            here = both(domain, mono.guard) if mono.guard else domain
            if here is None:
                continue
            if not any(self._pending(atom, here) for atom, _ in mono.atoms):
                parts.append(Form({mono: q}))
                continue
            loose = ring.opened(mono)
            here = both(domain, tuple(loose.guard)) or domain
            plain, made = [], []
            for atom, p in loose.atoms:
                new = self._opened(atom, here)
                if new is None:
                    plain.append((atom, p))
                else:
                    made.append(ring.power(new, p))
            parts.append(ring.spread(q, replace(loose, atoms=plain), made))
        return ring.add(*parts)

    def _pending(self, atom: Atom, domain: Guard) -> bool:
        """Whether an atom might stand for something else."""
        match atom:
            case Comp():
                return atom.symbol in self.given or (
                    atom.symbol in self.graph.raw
                    and atom.symbol not in self.opening
                    and (
                        atom.symbol not in self.closed
                        or mark(atom) in self.forced
                        or any(atom.time == Index(None, k) for k in self.graph.starts.get(atom.symbol, ()))
                    )
                )
            case Adj():
                return self._opens(atom, domain) or (self.parts and atom.of.time is None)
            case Fn():
                found = self.settled.get(atom.key)
                if found is None:
                    named = atom.name in self.patterns or (self.fine and atom.name not in _EXPONENTIAL)
                    inner = (a for m, _ in atom.arg.terms for a, _ in m.atoms)
                    found = self.settled[atom.key] = named or any(self._pending(a, domain) for a in inner)
                return found
            case _:
                return False

    def _opened(self, atom: Atom, domain: Guard) -> Form | None:
        """What an atom stands for, or None where it stays."""
        match atom:
            case Comp():
                return self._component(atom, domain)
            case Fn():
                return self._function(atom, domain)
            case Adj():
                return self._adjoint(atom, domain)
            case _:
                return None

    def _component(self, c: Comp, domain: Guard) -> Form | None:
        if c.symbol in self.given:
            return self.graph.at(self.given[c.symbol], c)
        if c.symbol not in self.graph.raw or c.symbol in self.opening:
            return None
        for step, form in self.graph.starts.get(c.symbol, {}).items():
            if c.time is not None and distance(domain, c.time, Index(None, step)) == 0:
                return self.graph.at(form, c)
        if c.symbol in self.closed and mark(c) not in self.forced:
            return None
        if c.time is not None and not implies(domain, at_least(c.time, self.graph.first)):
            return None
        return self.graph.at(self.definition(c.symbol), c)

    def _function(self, f: Fn, domain: Guard) -> Form | None:
        key = (f.key, domain)
        found = self.known.get(key)
        if found is None:
            arg = self.normal(f.arg, domain)
            if self.fine and f.name not in _EXPONENTIAL and (form := self._rewritten(f.name, arg)):
                found = form
            else:
                found = self._matched(self.ring.fn(f.name, arg), domain)
            self.known[key] = found
        return found

    def _rewritten(self, name: str, arg: Form) -> Form | None:
        from symrnn.algebra import terms as T
        from symrnn.algebra.functions import TABLE

        rule = TABLE[name].rewrite
        return evaluated(self.ring, rule(T.symbol("x")), arg) if rule is not None else None

    def _matched(self, form: Form, domain: Guard) -> Form:
        """Functions that are nodes, by the nodes' names."""
        if len(form.terms) != 1 and len(form.terms) != 2:
            return form
        for mono, q in form.terms:
            if len(mono.atoms) == 1 and not mono.sums and not mono.steps and not mono.guard and not mono.deltas:
                ((atom, p),) = mono.atoms
                if isinstance(atom, Fn) and p == 1 and (node := self._node(atom, domain)) is not None:
                    rest = Form({m: r for m, r in form.terms if m is not mono})
                    return self.ring.add(rest, self.ring.scale(node, q))
        return form

    def _node(self, f: Fn, domain: Guard) -> Form | None:
        for pattern in self.patterns.get(f.name, ()):
            if pattern.symbol in self.opening:
                continue
            for c in self._candidates(pattern, f.arg):
                if c.time is not None and not implies(domain, at_least(c.time, self.graph.first)):
                    continue
                if self.graph.at(pattern.arg, c) == f.arg:
                    return self.ring.scale(self.ring.atom(c), 1 / pattern.scale)
        return None

    def _candidates(self, pattern: Pattern, arg: Form) -> Iterable[Comp]:
        """The components that the argument could be that of, read off the quantities in it."""
        found: dict[str, set[Index]] = {}
        for letter, mark in pattern.marks.items():
            assert mark is not None
            values = found.setdefault(letter, set())
            for c in components(arg):
                if c.symbol is mark.symbol:
                    for mine, theirs in ((mark.row, c.row), (mark.col, c.col), (mark.time, c.time)):
                        if mine is not None and theirs is not None and mine.letter == letter:
                            values.add(theirs.shifted(-mine.offset))
        one = {Index(None, 1)}
        for row in found.get(ROW, one):
            for col in found.get(COL, one):
                for time in found.get(NOW, {None}) if pattern.symbol.timed else (None,):
                    yield Comp(pattern.symbol, row, col, time)

    # -- derivatives ----------------------------------------------------------------------------

    def _adjoint(self, a: Adj, domain: Guard) -> Form | None:
        if not self._opens(a, domain):
            return self._apart(a, domain) if self.parts else None
        key = (a.key, domain)
        found = self.known.get(key)
        if found is None:
            rule = self.rule(a.of.symbol, a.wrt.symbol)
            to = {OF + ROW: a.of.row, OF + COL: a.of.col, ROW: a.wrt.row, COL: a.wrt.col}
            for name, time in ((OF + NOW, a.of.time), (NOW, a.wrt.time)):
                if time is not None:
                    to[name] = time
            found = self.known[key] = self.normal(self.ring.rename(rule, to), domain)
        return found

    def rule(self, of: Symbol, wrt: Symbol) -> Form:
        """∂of/∂wrt at generic components and steps, by one application of the reverse chain rule, in normal form."""
        found = self.rules.get((of, wrt))
        if found is None:
            one = generic(of, OF), generic(wrt, "")
            kept = self.forced, self.parts
            self.forced, self.parts = frozenset(), False
            self.renew()
            try:
                found = self.rules[of, wrt] = self.normal(self.graph.opened(Adj(*one)), ())
            finally:
                self.forced, self.parts = kept
                self.renew()
        return found

    def _apart(self, a: Adj, domain: Guard) -> Form | None:
        """The derivative of a sum over steps as the sum of the derivatives (one forward step of the chain rule)."""
        graph = self.graph
        if a.of.time is not None or a.of.symbol is a.wrt.symbol:
            return None

        def leaf(atom: Atom) -> Form:
            return graph.adjoint(atom, a.wrt) if isinstance(atom, Comp) else self.ring.zero

        return self.normal(differential(self.ring, graph.at(graph.raw[a.of.symbol], a.of), leaf), domain)

    def _opens(self, a: Adj, domain: Guard) -> bool:
        wrt = a.wrt
        if wrt.time is None or wrt.symbol not in self.graph.cyclic or mark(a) in self.forced:
            return True
        end = self.graph.last if a.of.time is None else a.of.time
        gap = distance(domain, end, wrt.time)
        return gap is not None and gap <= MOST_STEPS


def generic(symbol: Symbol, prefix: str) -> Comp:
    """A component of a quantity at a step, in letters that begin with ``prefix``."""
    rows, cols = (
        Index(None, 1) if d == 1 else Index(prefix + x) for x, d in zip((ROW, COL), symbol.shape, strict=True)
    )
    return Comp(symbol, rows, cols, Index(prefix + NOW) if symbol.timed else None)


def given_forms(graph: Graph, shapes: Shapes, assumptions: Iterable[Definition]) -> dict[Symbol, Form]:
    """What the assumptions put for quantities, at component (@r, @c) and step @t.

    Raises Abstain for an assumption about a computed quantity or about one step.
    """
    out: dict[Symbol, Form] = {}
    for d in assumptions:
        if d.symbol in graph.raw or d.symbol in out:
            raise Abstain("an assumption about a computed quantity, or two about one")
        if d.time is not None and (d.time.letter is None or d.time.offset):
            raise Abstain("an assumption about one step")
        form = graph.side(d, shapes)
        if d.time is not None and d.time.letter is not None:
            form = graph.ring.rename(form, {d.time.letter: Index(NOW)})
        here = Comp(d.symbol, Index(ROW), Index(COL), Index(NOW) if d.symbol.timed else None)
        where = []
        for index, name in ((d.row, ROW), (d.col, COL)):
            if index is not None and index.letter is None and (index.offset != 1 or d.symbol.shape[name == COL] != 1):
                where.append(graph.ring.delta(Index(name), index))
            elif index is not None and index.letter is not None:
                form = graph.ring.rename(form, {index.letter: Index(name)})
        if where:
            one = graph.ring.mul(*where)
            plain = graph.ring.atom(_squeezed(here))
            form = graph.ring.add(graph.ring.mul(one, form), plain, graph.ring.scale(graph.ring.mul(one, plain), -1))
        out[d.symbol] = form
    return out


def _squeezed(c: Comp) -> Comp:
    one = Index(None, 1)
    return Comp(c.symbol, one if c.symbol.shape[0] == 1 else c.row, one if c.symbol.shape[1] == 1 else c.col, c.time)
