"""One component worked out by hand: the loss as a function of a quantity, and its derivative, more and more by names.

ℓ = −c_1 − Σ v_1i h_i + ln Σ_k exp(c_k + Σ v_kl h_l)                 levels: definitions opened one after another
∂ℓ/∂h_1 = −v_11 + Σ_k v_k1 exp(…) / Σ_k exp(…)                       the derivative of that, term by term
        = −v_11 + Σ_k v_k1 ŷ_k                                       quantities by their names
        = Σ_k v_k1 (ŷ_k − 𝟙_{k=1})                                   what the matrix expression says
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from symrnn.derive.alike import Fresh, key
from symrnn.derive.blocks import length
from symrnn.derive.entries import Entries, mapped, renamed
from symrnn.derive.gradients import MOST_TERMS, Gradients
from symrnn.derive.unfold import (
    Differential,
    Opened,
    braced,
    delta,
    factors,
    lettered,
    logarithms,
    over,
    plus,
    shown,
    summed,
    times,
)
from symrnn.expr import (
    SCALAR,
    Add,
    Delta,
    Divide,
    Entry,
    Expr,
    Gradient,
    Index,
    Number,
    Power,
    Reduce,
    Ref,
    Symbol,
    Times,
)
from symrnn.general.form import Abstain

ONE = Index(None, 1)
CLASS = 1  # the class that is taken to be the active one
LONGEST = 96  # characters, about, of a term that is still worth printing
EASY = 92  # of an expression that stands on one row
SPELLED = 150  # of a component with its sums written out
SHORT = 104  # of a sum that is spelled out


@dataclass(frozen=True)
class Stages:
    """A derivative as it comes, with the slopes by name, with all quantities by name (``briefly``) and quotients too.

    ``spelled``: its short sums are written out.
    """

    raw: Expr
    sloped: Expr
    briefly: Expr
    named: Expr
    spelled: bool


class Worked:
    """Components of gradients worked out, in the letters of one document; ``width``: how long an expression is."""

    def __init__(self, g: Gradients) -> None:
        self.g, self.fresh = g, Fresh()
        self.graph = g.chain.graph
        self.loss = step_loss(g)
        self.patterns = [p for p in map(self._quotient, self.graph.raw) if p is not None]

    # -- which class ------------------------------------------------------------------------------

    @property
    def targets(self) -> list[Symbol]:
        """The vectors that encode a class."""
        names = self.g.checker.context.names.symbols
        return [s for s in names if s.onehot and s.shape[1] == 1 and s not in self.graph.raw]

    def fixed(self, e: Expr) -> Expr:
        """A scalar expression with the active class put in: y_i is 𝟙_{i=1}."""
        return folded(self._fixed(e))

    def _fixed(self, e: Expr) -> Expr:
        if isinstance(e, Entry) and isinstance(e.body, Ref) and e.body.symbol in self.targets:
            return delta(e.row, Index(None, CLASS))
        return mapped(e, self._fixed)

    # -- the loss opened --------------------------------------------------------------------------

    def levels(self, wrt: Ref, at: Index | None) -> list[Expr]:
        """The loss at a step in quantities nearer and nearer to ``wrt``, in the end in ``wrt`` itself."""
        if self.loss is None:
            raise Abstain("the loss is no sum of losses of steps")
        e: Expr = self.fixed(self.body(Ref(SCALAR, self.loss, at), ONE, ONE))
        e = logarithms(e)
        out = [e]
        while nodes := self._nodes(e, wrt):
            upper = {n for n in nodes if not any(m is not n and self._feeds(n, m) for m in nodes)}
            e = self._open(e, upper)
            while inner := {n for n in self._nodes(e, wrt) if self.g.chain.argument(n[0])}:
                e = self._open(e, inner)
            e = logarithms(folded(e))
            if not self.prints(shown(e, False)):
                raise Abstain("too long to print")
            out.append(e)
        return out

    def body(self, at: Ref, row: Index, col: Index) -> Expr:
        """What a component of a quantity is computed from."""
        for d in self.g.checker.paper.definitions:
            if d.symbol is not at.symbol or (d.time is not None and d.time.letter is None):
                continue
            rhs = mapped_letters(d.rhs, self.fresh)
            to = {d.time.letter: at.time.shifted(-d.time.offset)} if d.time and d.time.letter and at.time else {}
            if any(x is not None and x.letter is None for x in (d.row, d.col)):
                raise Abstain("a component that is defined by itself")
            for index, here in ((d.row, row), (d.col, col)):
                if index is not None and index.letter is not None:
                    to[index.letter] = here.shifted(-index.offset)
            value = renamed(rhs, to)
            return value if d.row is not None else Entries(self.fresh)(value, row, col)  # type: ignore[arg-type]
        raise Abstain(f"{at.symbol.name} is not defined")

    def _nodes(self, e: Expr, wrt: Ref) -> set[tuple[Symbol, Index | None]]:
        """The quantities in what is shown of an expression that are computed from ``wrt``."""
        if isinstance(e, Opened):
            return self._nodes(e.body, wrt)
        if isinstance(e, Ref):
            node = (e.symbol, e.time)
            here = wrt.time if wrt.symbol.timed else wrt.copy
            mine = e.symbol is wrt.symbol and (not wrt.symbol.timed or e.time == wrt.time)
            return {node} if not mine and self._feeds((wrt.symbol, here), node) else set()
        return set[tuple[Symbol, Index | None]]().union(*(self._nodes(x, wrt) for x in e.children()))

    def _feeds(self, v: tuple[Symbol, Index | None], u: tuple[Symbol, Index | None]) -> bool:
        """Whether a quantity at a step is computed from another at its step."""
        (one, early), (two, late) = v, u
        if early is not None and late is not None and early.letter != late.letter:
            return False
        gap = late.offset - early.offset if early is not None and late is not None else 0
        return two in self.graph.raw and gap >= 0 and self.path(one, two, gap)

    def path(self, v: Symbol, u: Symbol, gap: int) -> bool:
        """Whether u is computed from v in just ``gap`` steps."""
        seen, stack = set[tuple[Symbol, int]](), [(v, 0)]
        while stack:
            w, so_far = stack.pop()
            for x, lags in self.graph.users.get(w, {}).items():
                for lag in lags:
                    found = (x, so_far + (lag or 0))
                    if found[1] <= gap and found not in seen:
                        seen.add(found)
                        stack.append(found)
        return (u, gap) in seen

    def _open(self, e: Expr, nodes: set[tuple[Symbol, Index | None]]) -> Expr:
        match e:
            case Opened(body=body):
                return replace(e, body=self._open(body, nodes))
            case Entry(body=Ref() as ref, row=row, col=col) if (ref.symbol, ref.time) in nodes:
                return Opened(SCALAR, e, self.fixed(self.body(ref, row, col)))
            case Ref() if (e.symbol, e.time) in nodes and e.scalar:
                return Opened(SCALAR, e, self.fixed(self.body(e, ONE, ONE)))
        return mapped(e, lambda x: self._open(x, nodes))

    # -- derivatives ------------------------------------------------------------------------------

    def stages(self, e: Expr, wrt: Expr) -> Stages:
        """∂e/∂wrt as it comes and by names."""
        found = Differential(wrt)(e)
        sloped = shown(found, None)
        spelled = self.numerators(sloped)
        short = key(spelled) != key(sloped) and self.width(spelled) <= SHORT + 30
        briefly = shown(found, True)
        if short:
            briefly, sloped = self.numerators(briefly), spelled
        return Stages(braced(found), sloped, briefly, self.quotients(briefly), short)

    def numerators(self, e: Expr) -> Expr:
        """Short sums that stand as a term, a factor or above a line, written out."""
        match e:
            case Add():
                return plus((s, self.numerators(x)) for s, x in e.terms)
            case Times():
                return times(*map(self.numerators, factors(e)))
            case Divide():
                return over(self.numerators(e.left), e.right)
            case Reduce():
                low, high = self.g.limit(e.low), self.g.limit(e.high)
                if low is None or high is None or high - low >= MOST_TERMS or e.timed or e.op != "sum":
                    return e
                return plus((1, folded(renamed(e.body, {e.letter: Index(None, k)}))) for k in range(low, high + 1))
        return e

    def _quotient(self, symbol: Symbol) -> Symbol | None:
        """A quantity whose components are quotients: a softmax."""
        try:
            letters = (Index("@i"), Index("@j"))
            row, col = (ONE if n == 1 else i for n, i in zip(symbol.shape, letters, strict=True))
            time = Index("@t") if symbol.timed else None
            found = self.body(Ref(symbol.shape, symbol, time), row, col)
        except Abstain:
            return None
        return symbol if isinstance(found, Divide) else None

    def quotients(self, e: Expr) -> Expr:
        """The expression with quotients that define a quantity written as that quantity."""
        e = mapped(e, self.quotients)
        if isinstance(e, Add):
            return plus(e.terms)
        if isinstance(e, Times) and e.scalar:
            return times(e)
        if not isinstance(e, Divide):
            return e
        if isinstance(e.left, Add):
            return plus((s, self.quotients(over(x, e.right))) for s, x in e.left.terms)
        if isinstance(e.left, Reduce):
            inner = self.quotients(over(e.left.body, e.right))
            return replace(e.left, body=inner) if not isinstance(inner, Divide) else e
        parts = factors(e.left)
        for k, x in enumerate(parts):
            for symbol in self.patterns:
                for name in self._names(symbol, x):
                    ref = name.body if isinstance(name, Entry) else name
                    assert isinstance(ref, Ref)
                    row, col = (name.row, name.col) if isinstance(name, Entry) else (ONE, ONE)
                    found = self.body(ref, row, col)
                    if isinstance(found, Divide) and key(found) == key(over(x, e.right)):
                        return times(*parts[:k], name, *parts[k + 1 :])
        return e

    def _names(self, symbol: Symbol, part: Expr) -> Iterator[Expr]:
        inside = [x for x in part.walk() if isinstance(x, Entry) and isinstance(x.body, Ref)]
        for x in inside:
            assert isinstance(x.body, Ref)
            if bool(symbol.timed) == bool(x.body.symbol.timed) and len(inside) < MOST_TERMS:
                yield Entry(SCALAR, Ref(symbol.shape, symbol, x.body.time), x.row, x.col)

    # -- printing ---------------------------------------------------------------------------------

    def tidy(self, e: Expr) -> Expr:
        """An expression in letters of the document."""
        return lettered(folded(e), self.g.pool)

    def width(self, e: Expr) -> int:
        """About how long an expression is in print."""
        return length(self.g.typeset(self.tidy(e)))

    def prints(self, e: Expr, most: int = LONGEST) -> bool:
        """Whether the terms of a sum are short enough to stand on rows."""
        return all(self.width(x) <= most for x in summands(folded(e)))

    # -- gradients opened to the end ----------------------------------------------------------------

    def part(self, symbol: Symbol, time: Index | None, at: Index | None, keep: bool) -> Expr | None:
        """∇ of the loss at step ``at`` by a quantity at step ``time``, opened; None where it is zero.

        ``keep``: gradients of which nothing is left but quantities (ŷ − y) stay as ∇.
        """
        if time is not None and at is not None and self.loss is not None and self.loss.timed:
            if not self.path(symbol, self.loss, at.offset - time.offset):
                return None
        return self.opened(self.formula(symbol, time, time == at), time, at, keep)

    def formula(self, symbol: Symbol, time: Index | None, last: bool) -> Expr:
        """The gradient by a quantity at a step, in gradients by those that use it."""
        g = self.g
        cases = g[g.names[symbol]].cases
        if len(cases) > 2:
            raise Abstain("more than two kinds of steps")
        line = cases[0] if last else cases[-1]
        if isinstance(line.lhs, Gradient) and isinstance(line.lhs.wrt, Entry) and not symbol.shape == SCALAR:
            raise Abstain("no matrix expression")
        if time is None:
            return line.members[-1]
        letter = g.chain.graph.last.letter if len(cases) == 2 and last else g.now.letter
        return renamed(line.members[-1], {str(letter): time})

    def opened(self, e: Expr, time: Index | None, at: Index | None, keep: bool) -> Expr | None:
        """A formula with its gradients opened."""
        if isinstance(e, Gradient) and isinstance(e.wrt, Ref):
            if keep and self.plain(e):
                return e if e.wrt.time == at else None
            return self.part(e.wrt.symbol, e.wrt.time, at, keep)
        if isinstance(e, Add):
            terms = []
            for sign, x in e.terms:
                if time != at and not any(isinstance(y, Gradient) for y in x.walk()):
                    continue
                inner = self.opened(x, time, at, keep)
                if inner is not None:
                    terms.append((sign, inner))
            if not terms:
                return None
            return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else Add(e.shape, tuple(terms))
        gone = False

        def new(x: Expr) -> Expr:
            nonlocal gone
            inner = self.opened(x, at, at, keep)
            gone = gone or inner is None
            return x if inner is None else inner

        e = mapped(e, new) if any(isinstance(x, Gradient) for x in e.walk()) else e
        return None if gone else e

    def plain(self, e: Gradient) -> bool:
        """Whether a gradient is a few quantities without any gradient among them."""
        return self.g.in_values(e) != e

    def component(self, e: Expr, row: Index, col: Index) -> Expr:
        """A component of a matrix expression with the active class put in, its sums kept."""
        return self.fixed(Entries(self.fresh)(self.g.in_values(e), row, col))  # type: ignore[arg-type]

    def spelled(self, e: Expr) -> Expr:
        """A component with its short sums written out."""
        e = folded(e)
        new = self.numerators(e)
        return new if self.prints(new) and self.width(new) <= SPELLED else e


def step_loss(g: Gradients) -> Symbol | None:
    """The loss of one step, where the loss is the sum of those; the loss itself of a document without steps."""
    for d in g.checker.paper.definitions:
        if d.symbol is g.loss:
            match d.rhs:
                case Reduce(op="sum", timed=True, body=Ref(symbol=symbol, time=time), letter=letter) if (
                    time == Index(letter) and symbol.shape == SCALAR
                ):
                    return symbol
            return None if g.checker.timed else g.loss
    return None


def summands(e: Expr) -> Iterator[Expr]:
    """The terms of a sum without their signs, those of quantities that are opened too."""
    if isinstance(e, Opened) and isinstance(e.body, Add):
        yield from summands(e.body)
    elif isinstance(e, Add):
        for _, x in e.terms:
            yield from summands(x)
    else:
        yield e


def folded(e: Expr) -> Expr:
    """Scalar sums and products without zeros, ones and sums over a delta."""
    e = mapped(e, folded)
    match e:
        case Add() if e.scalar:
            return plus(e.terms)
        case Times() if e.scalar:
            return times(e)
        case Reduce(op="sum") if e.scalar and not e.timed and not e.without:
            return summed(e, e.body)
        case Divide() if e.scalar:
            return over(e.left, e.right)
        case Power(base=Power(base=x, exponent=Number(value=p)), exponent=Number(value=q)) if p == 1 / q:
            return x  # the square of a length
        case Delta():
            return delta(e.one, e.two)
    return e


def mapped_letters(e: Expr, fresh: Fresh) -> Expr:
    """The expression with bound letters that nothing else has."""
    if isinstance(e, Reduce) and not e.timed:
        name = fresh[0]
        return replace(e, letter=name, body=mapped_letters(renamed(e.body, {e.letter: Index(name)}), fresh))
    return mapped(e, lambda x: mapped_letters(x, fresh))


__all__ = ["CLASS", "EASY", "Stages", "Worked", "folded", "step_loss", "summands"]
