"""The reverse chain rule over a document's definitions, one node at a time and symbolic in indices and steps:

    ∂L/∂v_j = Σ_u Σ_k ∂L/∂u_k · ∂u_k/∂v_j        (u: the direct users of v).

The local slopes are those of ``symrnn.general.differentiate`` (SymPy's derivatives of the printed definitions).
What is a node is written as that node (tanh(a_k) as h_k), and brackets are kept. Of the gradients of the users
these are opened: a number (∂L/∂L_t = 1); one without gradients in it, where the line gets no longer by it; that of
an argument a that nothing but u = f(a) uses, where u recurs: the recursion is then one of u alone.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

from symrnn.checker import Checker
from symrnn.derive.group import Group, atoms_of, factored, grouped, size, spread_out
from symrnn.expr import Index, Symbol
from symrnn.general.axes import ONE
from symrnn.general.differentiate import COL, NOW, ROW, Graph, components, differential, same
from symrnn.general.form import Abstain, Adj, Atom, Comp, Fn, Form, Mono
from symrnn.general.ring import Ring
from symrnn.general.times import Guard, at_least, both, implies

MOST_ROUNDS = 8


class Chain:
    """Gradients of one scalar ``loss`` by the quantities of a document, as forms of ``ring``."""

    def __init__(self, checker: Checker, loss: Symbol) -> None:
        general = checker.general
        ones = {}
        self.assumed: list[str] = []  # the assumptions of the manifest that are used: y sums to a number
        for name, given in checker.assumptions.items():
            total = general.sums_to(given)
            if total is not None:
                ones[given.symbol.name] = total
                self.assumed.append(name)
        self.checker, self.loss, self.shapes = checker, loss, general.shapes
        self.ring = Ring({}, ones)
        steps = checker.manifest.steps
        self.graph = Graph(checker.paper.definitions, self.shapes, self.ring, steps.first, steps.last)
        self.top = Comp(loss, Index(None, 1), Index(None, 1), None)
        self.rules: dict[Symbol, Form] = {}
        self.patterns = [p for p in map(self._pattern, self.graph.raw) if p is not None]

    # -- which quantities -------------------------------------------------------------------------

    def matters(self, symbol: Symbol) -> bool:
        """Whether the loss depends on a quantity."""
        return symbol is not self.loss and self.loss in self.graph.reach(symbol)

    def generic(self, symbol: Symbol) -> Comp:
        """A component of a quantity at a step, in letters of their own."""
        rows, cols = (self.shapes.find(a) for a in self.shapes.of_symbol(symbol))
        one = Index(None, 1)
        row, col = (one if a == ONE else Index(x) for a, x in ((rows, ROW), (cols, COL)))
        return Comp(symbol, row, col, Index(NOW) if symbol.timed else None)

    # -- rules ------------------------------------------------------------------------------------

    def direct(self, wrt: Comp, copy: Index | None = None, whole: bool = False) -> Form:
        """One application of the chain rule. ``copy``: by a parameter at that step; ``whole``: without steps."""
        ring, graph = self.ring, self.graph
        ring.work = 0
        parts = []
        for u in graph.users.get(wrt.symbol, {}):
            if self.loss not in graph.reach(u) or (copy is not None and not u.timed) or (whole and u.timed):
                continue
            axes = [self.shapes.find(a) for a in self.shapes.of_symbol(u)]
            names = [Index(ring.fresh()) if a != ONE else Index(None, 1) for a in axes]
            now = Index(ring.fresh()) if u.timed else None
            here = Comp(u, names[0], names[1], now)
            local = differential(
                ring, graph.at(graph.raw[u], here), lambda a: same(ring, a, wrt) if isinstance(a, Comp) else ring.zero
            )
            local = factored(ring, self.named(local))
            total = local if u is self.loss else ring.mul(graph.adjoint(self.top, here), local)
            for name, axis in zip(names, axes, strict=True):
                if name.letter is not None:
                    total = ring.bind(total, name.letter, axis)
            if now is not None and now.letter is not None:
                if copy is not None:
                    inside = [at_least(copy, graph.first)]
                    total = ring.mul(ring.rename(total, {now.letter: copy}), ring.where(inside))
                else:
                    total = ring.bind_step(total, now.letter, graph.first, graph.last)
            parts.append(total)
        return ring.add(*parts)

    def rule(self, symbol: Symbol) -> Form:
        """∂L/∂v at a generic component and step, opened where that makes it plainer."""
        found = self.rules.get(symbol)
        if found is None:
            found = self.opened(self.numbers(self.held(self.direct(self.generic(symbol)), Index(NOW))))
            self.rules[symbol] = found
        return found

    def held(self, form: Form, time: Index | None) -> Form:
        """The form without the inequalities that hold at every step ``time`` of the sequence, or at none."""
        last, first = self.graph.last, self.graph.first
        domain = [at_least(last, first)]
        if time is not None:
            domain += [at_least(time, first), at_least(last, time)]
        return held(form, tuple(domain))

    def numbers(self, form: Form) -> Form:
        """The form with gradients that are plain numbers put in."""
        for atom in {a for a in atoms_of(form) if isinstance(a, Adj)}:
            if atom.wrt.symbol not in self.graph.cyclic and (value := self._value(atom)).number is not None:
                form = self.put(form, atom, value)
        return form

    def opened(self, form: Form) -> Form:
        """The form with the gradients of users opened where the rules above say so."""
        for _ in range(MOST_ROUNDS):
            for atom in sorted({a for a in atoms_of(form) if isinstance(a, Adj)}, key=lambda a: a.key):
                new = self._opened(form, atom)
                if new is not None:
                    form = new
                    break
            else:
                break
        return form

    def _opened(self, form: Form, atom: Adj) -> Form | None:
        if atom.wrt.symbol in self.graph.cyclic:
            return None
        value = self._value(atom)
        if value.number is not None or self.argument(atom.wrt.symbol):
            return self.put(form, atom, value)
        if any(isinstance(a, Adj) for a in atoms_of(value)):
            return None
        new = self.ring.add(self.named(spread_out(self.ring, self.put(form, atom, value))))
        for short in (new, factored(self.ring, new)):
            if size(short) <= size(form):
                return short
        return None

    def _value(self, atom: Adj) -> Form:
        return self.graph.at(self.rule(atom.wrt.symbol), atom.wrt)

    def argument(self, symbol: Symbol) -> bool:
        """Whether a quantity is nothing but the argument of a function whose value recurs at later steps."""
        users = [u for u in self.graph.users.get(symbol, {}) if u in self.graph.raw]
        if len(users) != 1 or users[0] not in self.graph.cyclic:
            return False
        atom = self.graph.raw[users[0]].atom
        inner = atom.arg.atom if isinstance(atom, Fn) else None
        return isinstance(inner, Comp) and inner.symbol is symbol and inner == self.generic(symbol)

    def put(self, form: Form, atom: Adj, value: Form) -> Form:
        """A gradient replaced by what it is, in brackets if that is a sum."""
        inside = grouped(self.ring, value)
        new = self.ring.atom(inside) if isinstance(inside, Atom) else inside
        parts = []
        for mono, q in form.terms:
            loose = self.ring.opened(mono)
            there = [
                k for k, (a, _) in enumerate(loose.atoms) if isinstance(a, Adj) and a.wrt.symbol is atom.wrt.symbol
            ]
            if not there:
                parts.append(Form({mono: q}))
                continue
            made = []
            for k in there:
                here = loose.atoms[k][0]
                assert isinstance(here, Adj)
                made.append(new if here == atom else self._other(here))
            rest = [x for k, x in enumerate(loose.atoms) if k not in there]
            parts.append(self.ring.spread(q, replace(loose, atoms=rest), made))
        return self.ring.add(*parts)

    def _other(self, here: Adj) -> Form:
        inside = grouped(self.ring, self._value(here))
        return self.ring.atom(inside) if isinstance(inside, Atom) else inside

    # -- nodes by their names -----------------------------------------------------------------------

    def _pattern(self, symbol: Symbol) -> tuple[Symbol, Mono] | None:
        form = self.graph.raw[symbol]
        if len(form.terms) != 1 or form.terms[0][1] != 1:
            return None
        mono = form.terms[0][0]
        plain = not (mono.sums or mono.steps or mono.guard or mono.deltas) and mono.atoms
        return (symbol, mono) if plain and all(isinstance(a, Fn) for a, _ in mono.atoms) else None

    def named(self, form: Form) -> Form:
        """Functions that are the definition of a node, written as that node."""
        return self.ring.add(*(self._named(mono, q) for mono, q in form.terms))

    def _named(self, mono: Mono, q: Fraction) -> Form:
        loose = self.ring.opened(mono)
        done = False
        changed = True
        while changed:
            changed = False
            for symbol, pattern in self.patterns:
                found = self._match(symbol, pattern, dict(loose.atoms))
                if found is not None:
                    loose.atoms, changed, done = found, True, True
                    break
        return self.ring.mono(q, loose) if done else Form({mono: q})

    def _match(self, symbol: Symbol, pattern: Mono, powers: dict[Atom, int]) -> list[tuple[Atom, int]] | None:
        wanted = {a.name for a, _ in pattern.atoms if isinstance(a, Fn)}
        inside = [c for a in powers if isinstance(a, Fn) and a.name in wanted for c in components(a.arg)]
        if not inside:
            return None
        generic = self.generic(symbol)
        axes = {i for c in inside for i in (c.row, c.col)}
        rows = axes if generic.row.letter is not None else {generic.row}
        cols = axes if generic.col.letter is not None else {generic.col}
        times: set[Index | None] = {c.time for c in inside if c.time is not None} if symbol.timed else {None}
        if symbol.timed:
            times |= {t.shifted(1) for t in times if t is not None}
        for row, col, time in product(rows, cols, times):
            here = Comp(symbol, row, col, time)
            left = dict(powers)
            for atom, p in self._at(pattern, here):
                if left.get(atom, 0) * p <= 0 or abs(left[atom]) < abs(p):
                    break
                left[atom] -= p
            else:
                left[here] = left.get(here, 0) + 1
                return [(a, p) for a, p in left.items() if p]
        return None

    def _at(self, pattern: Mono, here: Comp) -> list[tuple[Atom, int]]:
        form = self.graph.at(Form({pattern: _ONE}), here)
        if len(form.terms) != 1:
            return [(Group(form), 1)]
        return list(form.terms[0][0].atoms)


def held(form: Form, domain: Guard) -> Form:
    """The form without the inequalities that hold on the whole domain, and without what is nowhere in it."""
    out: dict[Mono, Fraction] = {}
    for mono, q in form.terms:
        if both(domain, mono.guard) is None:
            continue
        if not mono.steps and mono.guard:
            left = tuple(c for c in mono.guard if not implies(domain, c))
            mono = Mono(mono.sums, mono.steps, left, mono.deltas, mono.atoms)
        out[mono] = out.get(mono, Fraction(0)) + q
    return Form(out)


_ONE = Fraction(1)

__all__ = ["Abstain", "Chain"]
