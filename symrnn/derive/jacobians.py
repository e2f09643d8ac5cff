"""Jacobians of what a quantity enters, in the layout that the manifest declares, and the chain rule in them.

    numerator:    (∂u/∂v)_ij = ∂u_i/∂v_j,    ∇_v L = Σ_u (∂u/∂v)ᵀ ∇_u L
    denominator:  (∂u/∂v)_ij = ∂u_j/∂v_i,    ∇_v L = Σ_u (∂u/∂v) ∇_u L

A Jacobian is along all paths, so the chain rule over the users of v holds only where no user is computed from
another; where one is, nothing is said.
"""

from __future__ import annotations

from symrnn.derive.gradients import Derivative, Gradients
from symrnn.derive.group import factored
from symrnn.derive.lines import Line
from symrnn.derive.products import flipped
from symrnn.derive.worked import Worked
from symrnn.diagnostic import UsageError
from symrnn.expr import SCALAR, Add, Entry, Expr, Gradient, Index, MatMul, Number, Reduce, Ref, Symbol, Times, transpose
from symrnn.general.differentiate import COL, NOW, ROW, differential, same
from symrnn.general.form import Abstain, Comp

ONE = Index(None, 1)


class Jacobians:
    """Jacobians in one document."""

    def __init__(self, g: Gradients, worked: Worked) -> None:
        self.g, self.worked = g, worked
        self.denominator = g.checker.manifest.layout == "denominator"

    def of(self, u: Ref, v: Ref) -> Expr:
        """∂u/∂v of two columns, as it is written."""
        shape = (u.shape[0], v.shape[0])
        if self.denominator:
            return Gradient((shape[1], shape[0]), u, v, True)
        return Gradient(shape, u, v)

    def pulled(self, u: Ref, v: Ref) -> Expr:
        """(∂u/∂v)ᵀ ∇_u L, or as the layout has it."""
        jacobian = self.of(u, v)
        left = jacobian if self.denominator else transpose(jacobian)
        return MatMul(v.shape, left, Gradient(u.shape, self.g.loss_ref, u))

    # -- nodes ------------------------------------------------------------------------------------

    def node(self, d: Derivative) -> tuple[list[Line], Line | None]:
        """The Jacobians of the users of a quantity, and its gradient in them."""
        users = self._users(d.symbol)
        now = self.g.now if d.symbol.timed else None
        v = Ref(d.symbol.shape, d.symbol, now)
        if not users or not _column(d.symbol):
            return [], None
        lines, terms = [], []
        for u, lag in users:
            if not _column(u):
                return [], None
            ref = Ref(u.shape, u, now.shifted(lag) if now is not None else None)
            try:
                lines.append(Line(self.of(ref, v), (self._matrix(u, d.symbol, lag),)))
            except Abstain:
                return [], None
            terms.append((1, self.pulled(ref, v)))
        whole = terms[0][1] if len(terms) == 1 else Add(v.shape, tuple(terms))
        return lines, Line(Gradient(v.shape, self.g.loss_ref, v), (whole,))

    def pair(self, of: str, wrt: str) -> Line:
        """∂of/∂wrt of two quantities by plain names, the second a user of the first. UsageError if it is not."""
        path = self.g.checker.document.source.path
        try:
            lines, _ = self.node(self.g[wrt])
        except KeyError as error:
            raise UsageError(str(error.args[0])) from None
        for line in lines:
            if (
                isinstance(line.lhs, Gradient)
                and isinstance(line.lhs.of, Ref)
                and self.g.names[line.lhs.of.symbol] == of
            ):
                return line
        known = [self.g.names[x.lhs.of.symbol] for x in lines]  # type: ignore[attr-defined]
        raise UsageError(f"{path}: no Jacobian of '{of}' by '{wrt}'; there are those of: {', '.join(known) or 'none'}")

    def _users(self, v: Symbol) -> list[tuple[Symbol, int]]:
        """The users of a quantity with their lags; none where one is computed from another."""
        chain = self.g.chain
        out = []
        for u, lags in chain.graph.users.get(v, {}).items():
            if chain.loss in chain.graph.reach(u):
                if len(lags) != 1 or bool(u.timed) != bool(v.timed):
                    return []
                out.append((u, next(iter(lags)) or 0))
        for u, late in out:
            if any(w is not u and late >= early and self.worked.path(w, u, late - early) for w, early in out):
                return []
        return out

    def _matrix(self, u: Symbol, v: Symbol, lag: int) -> Expr:
        """∂u/∂v by the indices of the definition of u."""
        chain, graph = self.g.chain, self.g.chain.graph
        ring = chain.ring
        ring.work = 0
        time = Index(NOW) if v.timed else None
        wrt = Comp(v, Index(COL), ONE, time)
        here = Comp(u, Index(ROW), ONE, time.shifted(lag) if time is not None else None)
        local = differential(
            ring, graph.at(graph.raw[u], here), lambda a: same(ring, a, wrt) if isinstance(a, Comp) else ring.zero
        )
        form = chain.held(factored(ring, chain.named(local)), time)
        if time is not None:
            form = ring.rename(form, {NOW: self.g.now})
        axes = [chain.shapes.find(chain.shapes.of_symbol(s)[0]) for s in (u, v)]
        found = self.g.matrices(form, dict(zip((ROW, COL), axes, strict=True)))
        if isinstance(found, Number):
            raise Abstain("a multiple of the identity")
        return flipped(found) if self.denominator else found

    # -- parameters -------------------------------------------------------------------------------

    def total(self, d: Derivative) -> Expr | None:
        """The gradient by a shared parameter as a sum over the steps, in the Jacobians of what it enters."""
        chain, g = self.g.chain, self.g
        u = self._enters(d.symbol)
        if u is None or not _column(u) or chain.direct(chain.generic(d.symbol), whole=True):
            return None
        step = g.now
        copy = step if self.worked.path(d.symbol, u, 1) else None  # else it is the same without the copy
        p = Ref(d.symbol.shape, d.symbol, None, copy)
        node = Ref(u.shape, u, step)
        if d.symbol.shape == SCALAR:
            return None
        if _column(d.symbol):
            return g.over_steps(self.pulled(node, p))
        if 1 in d.symbol.shape:
            return None
        letter = g.free[0]
        part = Entry(SCALAR, node, Index(letter), ONE)
        body = Times(p.shape, Gradient(SCALAR, g.loss_ref, part), Gradient(p.shape, part, p))
        n = u.shape[0]
        high = Index(None, n) if isinstance(n, int) else Index(n)
        return g.over_steps(Reduce(p.shape, "sum", letter, ONE, high, body))

    def _enters(self, symbol: Symbol) -> Symbol | None:
        """The one quantity that a parameter enters; of a mere argument, the quantity whose argument that is."""
        graph = self.g.chain.graph
        users = [u for u in graph.users.get(symbol, {}) if self.g.loss in graph.reach(u)]
        if len(users) != 1 or not users[0].timed:
            return None
        (u,) = users
        return next(iter(graph.users[u])) if self.g.chain.argument(u) else u


def _column(symbol: Symbol) -> bool:
    return symbol.shape[1] == 1 and symbol.shape[0] != 1


__all__ = ["Jacobians"]
