"""Derivatives of forms, symbolic in indices and steps, by the chain rule over the printed definitions.

Local rules are SymPy's derivatives of the printed functions (``partials``); components of one quantity differ by
Kronecker deltas; a node of the network is differentiated through what it is computed from. ``∂A/∂v`` along all
paths is the reverse chain rule

    ∂A/∂v = [A is v] + Σ_u Σ_{i,j} Σ_{t ≥ first} ∂A/∂u[i,j]@t · ∂u[i,j]@t/∂v        (u: the direct users of v),

which holds at every step alike: a step after the last has no path to the loss, so its term is zero (the base
case), and ∂A/∂h@t with a recurrence through h is left closed, an opaque adjoint, to be opened one step at a time.

Model of the proof: the definitions are read at all steps from the first on, without end, quantities before the
first step being given. The network of length τ is a part of it, closed under everything that a claim at length
τ can reach: definitions never look ahead (checked), and a path from v@s to A@t has the length t − s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache

from symrnn.algebra import terms as T
from symrnn.algebra.terms import Term
from symrnn.claims import Definition
from symrnn.expr import Index, Symbol
from symrnn.general.axes import ONE, STEP, Shapes
from symrnn.general.form import Abstain, Adj, Atom, Comp, Fn, Form, Size, Tally, Var
from symrnn.general.ring import Ring
from symrnn.general.times import Constraint, at_least, equal
from symrnn.general.translate import Translator

ROW, COL, NOW = "@r", "@c", "@t"
Leaf = Callable[[Atom], Form]


@lru_cache(maxsize=200)
def slope(name: str, power: int) -> Term:
    """SymPy's derivative of ``name(x)^power`` (of ``x^power`` without a name), as a term in the symbol x."""
    from symrnn.partials import Partials

    x = T.symbol("x")
    match name:
        case "":
            inner = x
        case "inv":
            inner = T.power(x, -1)
        case "sqrt":
            from fractions import Fraction

            inner = T.power(x, Fraction(1, 2))
        case _:
            inner = T.apply(name, x)
    return Partials(T.power(inner, power)).by(x)


def evaluated(ring: Ring, term: Term, x: Form) -> Form:
    """A term in one symbol at a form."""
    match term.op:
        case "num":
            return ring.constant(term.args[0])
        case "sym":
            return x
        case "add":
            return ring.add(*(evaluated(ring, a, x) for a in term.args))
        case "mul":
            return ring.mul(*(evaluated(ring, a, x) for a in term.args))
        case "pow":
            base, q = evaluated(ring, term.args[0], x), term.args[1]
            if q.denominator == 2:
                return ring.power(ring.fn("sqrt", base), q.numerator)
            if q.denominator != 1:
                raise Abstain("a root other than the square root")
            return ring.power(base, q.numerator)
        case _:
            return ring.fn(term.args[0], evaluated(ring, term.args[1], x))


def differential(ring: Ring, form: Form, leaf: Leaf) -> Form:
    """The derivative of a form, given that of every component and variable in it."""
    parts = []
    for mono, q in form.terms:
        loose = ring.opened(mono)
        for k, (atom, p) in enumerate(loose.atoms):
            inner = _outer(ring, atom, p, leaf)
            if inner:
                rest = loose.atoms[:k] + loose.atoms[k + 1 :]
                parts.append(ring.spread(q, replace(loose, atoms=rest), [inner]))
    return ring.add(*parts)


def _outer(ring: Ring, atom: Atom, power: int, leaf: Leaf) -> Form:
    """d(atomᵖ)."""
    match atom:
        case Fn():
            inner = differential(ring, atom.arg, leaf)
            return ring.mul(evaluated(ring, slope(atom.name, power), atom.arg), inner) if inner else inner
        case Size() | Tally():
            return ring.zero
        case Adj():
            raise Abstain("a derivative of a derivative")
        case _:
            inner = leaf(atom)
            if not inner or power == 1:
                return inner
            return ring.mul(evaluated(ring, slope("", power), ring.atom(atom)), inner)


def same(ring: Ring, a: Comp, b: Comp) -> Form:
    """1 where two components are one and the same."""
    if a.symbol is not b.symbol:
        return ring.zero
    here = [ring.delta(x, y) for x, y in ((a.row, b.row), (a.col, b.col)) if x != y]
    if a.time is not None and b.time is not None and a.time != b.time:
        here.append(ring.where(equal(a.time, b.time)))
    return ring.mul(*here) if here else ring.one


def components(form: Form) -> Iterable[Comp]:
    """The components that a form mentions, in functions too."""
    for mono, _ in form.terms:
        for atom, _ in mono.atoms:
            if isinstance(atom, Comp):
                yield atom
            elif isinstance(atom, Fn):
                yield from components(atom.arg)


class Graph:
    """The definitions of a document as forms, with who uses whom, and at which lag."""

    def __init__(self, definitions: Iterable[Definition], shapes: Shapes, ring: Ring, first: int, last: str) -> None:
        self.ring, self.shapes = ring, shapes
        self.first, self.last = Index(None, first), Index(last)
        self.definitions: dict[Symbol, list[Definition]] = {}
        for d in definitions:
            self.definitions.setdefault(d.symbol, []).append(d)
        self.starts: dict[Symbol, dict[int, Form]] = {}  # numbers that a document puts before the first step
        self.raw: dict[Symbol, Form] = {s: self._raw(s) for s in self.definitions}
        self.users: dict[Symbol, dict[Symbol, set[int | None]]] = {}  # v → u → lags (None: at no fixed distance)
        for u, form in self.raw.items():
            for c in components(form):
                self.users.setdefault(c.symbol, {}).setdefault(u, set()).add(self._lag(u, c))
        self._reach: dict[Symbol, dict[Symbol, int]] = {}
        self.slopes: dict[tuple[Symbol, Symbol], Form] = {}
        self.cyclic = self._cyclic()

    # -- definitions ----------------------------------------------------------------------------

    def _raw(self, symbol: Symbol) -> Form:
        """The printed definition of component (@r, @c) at step @t, nothing opened."""
        axes = [self.shapes.find(a) for a in self.shapes.of_symbol(symbol)]
        parts = []
        for d in self.definitions[symbol]:
            if d.time is not None and d.time.letter is None:
                if d.time.offset >= self.first.offset or any(True for _ in components(self.side(d, self.shapes))):
                    raise Abstain(f"a definition of {symbol.name} at a step of its own")
                if d.row is None and d.col is None:
                    self.starts.setdefault(symbol, {})[d.time.offset] = self.side(d, self.shapes)
                continue
            form = self.side(d, self.shapes)
            whole = True
            for index, name, axis in ((d.row, ROW, axes[0]), (d.col, COL, axes[1])):
                if index is None or axis == ONE:
                    continue
                if index.letter is None:
                    form, whole = self.ring.mul(form, self.ring.delta(Index(name), index)), False
                elif index.offset:
                    raise Abstain(f"the component {index} of a definition")
                else:
                    form = self.ring.rename(form, {index.letter: Index(name)})
            if d.time is not None and d.time.letter is not None:
                form = self.ring.rename(form, {d.time.letter: Index(NOW, -d.time.offset)})
            parts.append(form)
            if whole and len(self.definitions[symbol]) > 1 and d.time is not None:
                others = [x for x in self.definitions[symbol] if x is not d]
                if any(x.time is None or x.time.letter is not None for x in others):
                    raise Abstain(f"{symbol.name} is defined twice")
        if not parts:
            raise Abstain(f"{symbol.name} has no general definition")
        return self.ring.add(*parts)

    def side(self, d: Definition, shapes: Shapes) -> Form:
        """The right side of a definition at component (@r, @c), its own letters kept."""
        scope = {str(i.letter): STEP for i in (d.time, self.last) if i is not None and i.letter is not None}
        for index, axis in ((d.row, 0), (d.col, 1)):
            if index is not None and index.letter is not None:
                scope[index.letter] = shapes.of_symbol(d.symbol)[axis]
        tr = Translator(self.ring, shapes, scope)
        rows, cols = tr.axes(d.rhs)
        row = Index(ROW) if d.row is None and rows != ONE else Index(None, 1)
        col = Index(COL) if d.col is None and cols != ONE else Index(None, 1)
        return tr(d.rhs, row, col)

    def at(self, form: Form, c: Comp) -> Form:
        """A form in (@r, @c, @t) at a component."""
        to = {ROW: c.row, COL: c.col}
        if c.time is not None:
            to[NOW] = c.time
        return self.ring.rename(form, to)

    def _lag(self, u: Symbol, c: Comp) -> int | None:
        if c.time is None or not u.timed:
            return None if bool(c.time) != bool(u.timed) else 0
        return -c.time.offset if c.time.letter == NOW else None

    # -- reachability ---------------------------------------------------------------------------

    def reach(self, v: Symbol) -> dict[Symbol, int]:
        """The symbols computed from v, with the least number of steps that a path takes.

        Raises Abstain where a path looks ahead, or leaves time and comes back to it.
        """
        found = self._reach.get(v)
        if found is None:
            found = {v: 0}
            stack = [v]
            while stack:
                w = stack.pop()
                for u, lags in self.users.get(w, {}).items():
                    for lag in lags:
                        if lag is None and w.timed and u.timed:
                            raise Abstain(f"{u.name} uses {w.name} at a step that is not counted from its own")
                        if lag is not None and lag < 0:
                            raise Abstain(f"{u.name} looks ahead")
                        if w.timed and not u.timed and any(x.timed for x in self.reach(u)):
                            raise Abstain(f"{u.name} gathers steps and feeds steps")
                        total = found[w] + (lag or 0)
                        if found.get(u, total + 1) > total:
                            found[u] = total
                            stack.append(u)
            self._reach[v] = found
        return found

    def _cyclic(self) -> frozenset[Symbol]:
        """The symbols through which a recurrence runs: those that are used at a later step on a way back to themselves.

        Raises Abstain for a circle within one step.
        """
        out = set()
        try:
            for v, users in self.users.items():
                if v in self.raw and any(
                    (lag or 0) > 0 and v in self.reach(u) for u, lags in users.items() for lag in lags
                ):
                    out.add(v)
        except Abstain:
            return frozenset(self.raw)
        self._no_circle(out)
        return frozenset(out)

    def _no_circle(self, cut: set[Symbol]) -> None:
        state: dict[Symbol, int] = {}

        def visit(v: Symbol) -> None:
            if state.get(v) == 1:
                raise Abstain(f"the definition of {v.name} goes in a circle")
            if state.get(v) == 2:
                return
            state[v] = 1
            for u, lags in self.users.get(v, {}).items():
                if u in self.raw and (0 in lags or None in lags or v not in cut):
                    visit(u)
            state[v] = 2

        for v in self.raw:
            visit(v)

    # -- adjoints -------------------------------------------------------------------------------

    def adjoint(self, of: Comp, wrt: Comp) -> Form:
        """∂of/∂wrt, closed, with what the steps must satisfy for a path to exist; 0 where there is none."""
        if of.symbol not in self.raw:
            return same(self.ring, of, wrt)
        steps = self.reach(wrt.symbol).get(of.symbol)
        if steps is None:
            return self.ring.zero
        closed = self.ring.atom(Adj(of, wrt))
        if wrt.time is None:
            return closed
        return self.ring.mul(closed, self.ring.where(self._reaches(of, wrt.time, steps)))

    def _reaches(self, of: Comp, time: Index, steps: int) -> list[Constraint]:
        return [at_least(self.last if of.time is None else of.time, time, 0 if of.time is None else steps)]

    def opened(self, adj: Adj) -> Form:
        """One application of the reverse chain rule."""
        return self.ring.add(same(self.ring, adj.of, adj.wrt), *self.through_users(adj.of, adj.wrt, None))

    def through_users(self, of: Comp, wrt: Comp, copy: Index | None) -> Iterable[Form]:
        """Σ_u ∂of/∂u · ∂u/∂wrt over the users of ``wrt``; with ``copy``, over those at that step alone."""
        ring = self.ring
        for u in self.users.get(wrt.symbol, {}):
            if of.symbol not in self.reach(u) or (copy is not None and not u.timed):
                continue
            axes = [self.shapes.find(a) for a in self.shapes.of_symbol(u)]
            names = [Index(ring.fresh()) if a != ONE else Index(None, 1) for a in axes]
            now = Index(ring.fresh()) if u.timed else None
            here = Comp(u, names[0], names[1], now)
            local = differential(
                ring, self.at(self.raw[u], here), lambda a: same(ring, a, wrt) if isinstance(a, Comp) else ring.zero
            )
            if not local:
                continue
            total = ring.mul(self.adjoint(of, here), local)
            for name, axis in zip(names, axes, strict=True):
                if name.letter is not None:
                    total = ring.bind(total, name.letter, axis)
            if now is not None:
                assert now.letter is not None
                if copy is not None:
                    total = ring.mul(ring.rename(total, {now.letter: copy}), ring.where([at_least(copy, self.first)]))
                else:
                    end = self.last if of.time is None else of.time
                    total = ring.bind_step(total, now.letter, self.first, end)
            yield total

    def derive(self, form: Form, wrt: Comp | str, copy: Index | None) -> Form:
        """The derivative of an expression as it is printed: along all paths, everything before ``wrt`` held fixed."""
        ring = self.ring

        def leaf(atom: Atom) -> Form:
            if isinstance(wrt, str):
                return ring.one if isinstance(atom, Var) and atom.key == Var(wrt).key else ring.zero
            if not isinstance(atom, Comp):
                return ring.zero
            if copy is None:
                return self.adjoint(atom, wrt)
            if atom.symbol is wrt.symbol:
                raise Abstain("a parameter printed in a formula that is derived by one of its copies")
            if atom.symbol not in self.raw or atom.symbol not in self.reach(wrt.symbol):
                return ring.zero
            return ring.add(*self.through_users(atom, wrt, copy))

        return differential(ring, form, leaf)
