"""Scalar loops: a plan as statements over flat arrays, for the C and Numba printers.

A step of a sequence is a row ``r = t·B + b``; an array of a quantity with n components holds row after row, so that
``q[t + s]`` is ``s·B`` rows further on. Sums become loops or, where they are matrix products of some size, calls of
``mm``. Expressions are SymPy's, printed by SymPy's code printers.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sympy

from symrnn.diagnostic import UsageError
from symrnn.expr import Symbol
from symrnn.train.backends.names import Names
from symrnn.train.backends.statements import WORDS, Copy, For, Multiply, Set, Top
from symrnn.train.index import (
    Delta,
    Fn,
    Get,
    Max,
    Node,
    Num,
    Pick,
    Plus,
    Pow,
    Prod,
    Steps,
    Sum,
    When,
    free,
)
from symrnn.train.plan import Plan, Stage
from symrnn.train.program import Quantity, Rule, gets
from symrnn.train.sizes import Sizes

SMALL = 512  # a product of matrices below this many multiplications a row is a loop


class Loops:
    """The statements of a plan. ``arrays``: name → length as code, of everything that is kept in the workspace."""

    def __init__(self, plan: Plan, sizes: Sizes, lengths: dict[str, int]) -> None:
        self.plan = plan
        self.program = plan.program
        self.sizes = sizes
        self.lengths = lengths
        self.names = Names(plan, WORDS)
        self.arrays: dict[str, str] = {}
        self.body: list[Any] = []
        self.count = 0
        self.flat: int | None = None
        self.direct = plan.direct
        self.outputs = [f"out{k}" for k in range(len(plan.outputs))]

    # -- words --------------------------------------------------------------------------------

    def new(self, stem: str) -> str:
        """A name that no one else uses."""
        self.count += 1
        return f"{stem}{self.count}"

    def length(self, ix: str) -> int:
        """How many values an index takes."""
        return self.lengths[self.sizes.of(ix).name]

    def width(self, index: Iterable[str]) -> int:
        """The components of a row."""
        out = 1
        for ix in index:
            out *= self.length(ix)
        return out

    @contextmanager
    def inside(self, loop: For) -> Any:
        """Statements go into a loop."""
        before, self.body = self.body, loop.body
        try:
            yield
        finally:
            self.body = before
            self.body.append(loop)

    # -- places -------------------------------------------------------------------------------

    def rows(self, x: Get, row: str, end: str = "last + b") -> str | None:
        """The row that a mention stands in; None for what has no rows. ``end``: the row of the last step."""
        if x.key in self.program.parameters:
            return None
        if x.time is None:
            return "b" if self.program.timed else row
        lag = self.program.states.get(x.key, 0) if isinstance(x.key, Symbol) else 0
        shift, base = x.time.shift + lag, end if x.time.base == "last" else row
        return f"({base} {'+' if shift > 0 else '-'} {abs(shift)}*B)" if shift else f"({base})"

    def place(self, x: Get, row: str) -> str:
        """A mention as an entry of a flat array."""
        name = self.names[x.key]
        if self.flat is not None:  # rows and components in one
            assert x.time is not None
            lag = self.program.states.get(x.key, 0) if isinstance(x.key, Symbol) else 0
            shift = x.time.shift + lag
            return f"{name}[z + {shift * self.flat}*B]" if shift else f"{name}[z]"
        spot, stride = [], 1
        for ix, size in reversed(list(zip(x.index, self.shape(x), strict=True))):
            spot.append(f"{ix}*{stride}" if stride > 1 else str(ix))
            stride *= size
        where = self.rows(x, row)
        if where is not None:
            spot.append(f"{where}*{stride}" if stride > 1 else where)
        return f"{name}[{' + '.join(reversed(spot)) or '0'}]"

    def shape(self, x: Get) -> list[int]:
        """The lengths of a quantity's axes."""
        if isinstance(x.key, Symbol):
            return [self.lengths[s.name] for s in self.sizes.shape(x.key)]
        if isinstance(x.key, _Temporary):
            return [x.key.width]
        q = self.plan.quantities[x.key]
        return [self.length(i) for i in q.index]

    # -- expressions --------------------------------------------------------------------------

    def value(self, x: Node, row: str) -> Any:
        """The SymPy expression of a scalar; sums in it become loops before it."""
        match x:
            case Num(number):
                return sympy.Rational(number.numerator, number.denominator)
            case Get():
                return sympy.Symbol(self.place(x, row), real=True)
            case Plus(args):
                return sympy.Add(*(self.value(a, row) for a in args))
            case Prod(args):
                return sympy.Mul(*(self.value(a, row) for a in args))
            case Pow(base, exponent):
                return sympy.Pow(self.value(base, row), sympy.Rational(exponent.numerator, exponent.denominator))
            case Fn(name, body):
                return self.function(name, self.value(body, row))
            case Sum(ix, body):
                return self.loop(ix, body, row, False)
            case Max(ix, body):
                return self.loop(ix, body, row, True)
            case Delta(one, two):
                return sympy.Piecewise((1, sympy.Eq(*map(_letter, (one, two)))), (0, True))
            case Pick(ix, cases):
                pairs = [(self.value(c, row), sympy.Eq(_letter(ix), k)) for k, c in enumerate(cases)]
                return sympy.Piecewise(*pairs[:-1], (pairs[-1][0], True))
        raise UsageError(f"{type(x).__name__} has no scalar form")

    def function(self, name: str, x: Any) -> Any:
        """A function that the printers know; σ by tanh and softplus by its greater part, which do not overflow."""
        if name == "sigmoid":
            return sympy.Rational(1, 2) + sympy.tanh(x / 2) / 2
        if name == "softplus":
            v = sympy.Symbol(self.let(x), real=True)
            return sympy.Function("fmax")(v, 0) + sympy.Function("log1p")(sympy.exp(-sympy.Abs(v)))
        if name == "relu":
            return sympy.Function("fmax")(x, 0)
        if name == "step":
            return sympy.Piecewise((1, x > 0), (0, True))
        known = {"ln": sympy.log, "arctan": sympy.atan}
        return known.get(name, getattr(sympy, name, None))(x)  # type: ignore[misc]

    def let(self, value: Any) -> str:
        """A scalar of its own."""
        name = self.new("s")
        self.body.append(Set(name, value, new=True))
        return name

    def loop(self, ix: str, body: Node, row: str, top: bool) -> Any:
        """Σ or max over an index as a loop; the result is a scalar."""
        name = self.let(sympy.Float("-1e300") if top else sympy.Integer(0))
        loop = For(ix, "0", str(self.length(ix)))
        with self.inside(loop):
            value = self.value(body, row)
            self.body.append(Top(name, value) if top else Set(name, value, "+"))
        return sympy.Symbol(name, real=True)

    # -- quantities ---------------------------------------------------------------------------

    def store(self, rule: Rule, key: Any, low: str, high: str, shift: int = 0, last: bool = False) -> None:
        """A rule for the rows ``low … high − 1``. ``shift``: rows at which the quantity itself begins, in steps."""
        name = self.names[key]
        width = self.width(rule.index)
        body = self.products(rule, low, high, last)
        row = "b" if last or not self.program.timed else "r"
        begin, end = ("0", "B") if last else (low, high)
        offset = f" + {shift}*B" if shift else ""
        own = f"(last + b{offset})" if last else f"({row}{offset})" if shift else row
        if self.flattens(body, rule.index) and not last:
            loop = For("z", f"({begin})*{width}", f"({end})*{width}", flat=True)
            self.flat = width
            with self.inside(loop):
                self.body.append(Set(f"{name}[z{f' + {shift * width}*B' if shift else ''}]", self.value(body, "r")))
            self.flat = None
            return
        with self.inside(For(row, begin, end, flat=width == 1)):
            self.entries(rule.index, body, row, f"{name}[{{}}{own}*{width}]" if width > 1 else f"{name}[{own}]")

    def entries(self, index: tuple[str, ...], body: Node, row: str, target: str, op: str = "") -> None:
        """The loops over a quantity's components."""
        if not index:
            self.body.append(Set(target, self.value(body, row), op))
            return
        loops = [For(ix, "0", str(self.length(ix)), flat=k == len(index) - 1) for k, ix in enumerate(index)]
        spot, stride = [], 1
        for ix in reversed(index):
            spot.append(f"{ix}*{stride}" if stride > 1 else ix)
            stride *= self.length(ix)
        outer = self.body
        for a, b in pairwise(loops):
            a.body.append(b)
        self.body = loops[-1].body
        value = self.value(body, row)
        self.body.append(Set(target.format(" + ".join(reversed(spot)) + " + "), value, op))
        self.body = outer
        outer.append(loops[0])

    def flattens(self, body: Node, index: tuple[str, ...]) -> bool:
        """Whether every mention stands at the quantity's own entry, so that rows and components are one loop."""
        plain = all(not isinstance(x, (Sum, Max, Pick, Delta)) for x in body.walk())
        return plain and bool(index) and all(
            g.index == index and g.key not in self.program.parameters and g.time is not None and g.time.base == "t"
            for g, _ in gets(body)
        )  # fmt: skip

    def products(self, rule: Rule, low: str, high: str, last: bool) -> Node:
        """The body with each large matrix product computed beforehand, into an array that it mentions instead."""
        from symrnn.train.index import rebuild

        def leaf(x: Node) -> Node | None:
            found = self.matrix(x, rule.index) if isinstance(x, Sum) else None
            if found is None:
                return None
            data, weights, depth, kept = found
            n = self.length(kept)
            key = _Temporary(self.new("p"), n)
            self.names._names[key] = key.name
            self.arrays[key.name] = f"(T*B)*{n}" if self.program.timed else f"B*{n}"
            d = self.length(depth)
            start = f"({'last' if last else low})"
            offset = f"{self.rows(data, start, 'last') if self.program.timed else start}*{d}"
            stride = self.shape(weights)[1]
            across = ("1", str(stride)) if weights.index == (kept, depth) else (str(stride), "1")
            self.body.append(
                Multiply(
                    "B" if last else f"({high}) - ({low})", str(n), str(d),
                    (self.names[data.key], offset, str(d), "1"), (self.names[weights.key], "0", *across),
                    (key.name, f"{start}*{n}", str(n)),
                )
            )  # fmt: skip
            return Get(key, (kept,), When("last" if last else "t") if self.program.timed else None)

        return rebuild(rule.body, leaf)

    def matrix(self, x: Sum, index: tuple[str, ...]) -> tuple[Get, Get, str, str] | None:
        """Σ_k data_k weights_ik (or _ki) with a parameter for weights, of some size."""
        factors = x.body.args if isinstance(x.body, Prod) else ()
        if len(factors) != 2 or not all(isinstance(f, Get) for f in factors):
            return None
        for weights, data in (factors, factors[::-1]):
            assert isinstance(weights, Get) and isinstance(data, Get)
            if weights.key in self.program.parameters and data.key not in self.program.parameters:
                kept = tuple(i for i in weights.index if i != x.ix)
                if len(weights.index) == 2 and data.index == (x.ix,) and len(kept) == 1 and kept[0] in index:
                    size = self.length(x.ix) * self.length(str(kept[0]))
                    return (data, weights, x.ix, str(kept[0])) if size >= SMALL else None
        return None

    # -- stages -------------------------------------------------------------------------------

    def make(self) -> list[Any]:
        """All statements."""
        program, names = self.program, self.names
        for key, q in self.plan.quantities.items():
            lag = program.states.get(key, 0)
            rows = (f"(T + {lag})*B" if lag else "T*B") if q.timed else "B"
            if key not in self.direct:
                self.arrays[names[key]] = f"{rows}*{self.width(q.index)}"
        for symbol, lag in program.states.items():
            width = self.width(self.plan.quantities[symbol].index)
            self.body.append(Copy(names[symbol], f"{names[symbol]}_0", f"{lag}*B*{width}"))
        for stage in self.plan.stages:
            if stage.kind == "once":
                self._once(stage.keys[0])
            else:
                self._scan(stage)
        for k, key in enumerate(self.plan.outputs):
            q = self.plan.quantities[key]
            width = self.width(q.index)
            if key in self.direct:
                continue
            if q.timed:
                lag = program.states.get(key, 0)
                self.body.append(Copy(self.outputs[k], f"{names[key]} + {lag}*B*{width}", f"T*B*{width}"))
                continue
            if not self.plan.summed(key):
                self.body.append(Copy(self.outputs[k], names[key], f"B*{width}"))
                continue
            self._clear(self.outputs[k], width)
            with self.inside(For("b", "0", "B")), self.inside(For("z", "0", str(width), flat=True)):
                value = sympy.Symbol(f"{names[key]}[b*{width} + z]", real=True)
                self.body.append(Set(f"{self.outputs[k]}[z]", value, "+"))
        for symbol, lag in program.states.items():
            width = self.width(self.plan.quantities[symbol].index)
            self.body.append(Copy(f"{names[symbol]}_n", f"{names[symbol]} + T*B*{width}", f"{lag}*B*{width}"))
        return self.body

    def _clear(self, name: str, width: int) -> None:
        with self.inside(For("z", "0", str(width), flat=True)):
            self.body.append(Set(f"{name}[z]", sympy.Integer(0)))

    def _once(self, key: Any) -> None:
        q = self.plan.quantities[key]
        (rule,) = q.rules
        if key in self.direct:
            self._total(self.outputs[self.plan.outputs.index(key)], rule)
        elif q.timed:
            self.store(rule, key, "0", "T*B", self.program.states.get(key, 0))
        elif any(isinstance(x, Steps) for x in rule.body.walk()):
            raise UsageError("a total that other equations use does not compile to loops yet")
        else:
            self.store(rule, key, "0", "B")

    def _total(self, out: str, rule: Rule) -> None:
        """An output: the sum over the batch and, inside ``Steps``, over the steps."""
        width = self.width(rule.index)
        self._clear(out, width)
        for factor, low, high, term in _terms(rule.body):
            rows = ("0", "B") if low is None else (f"{low}*B" if low else "0", f"(T - {high})*B" if high else "T*B")
            row = "r" if self.program.timed and low is not None else "b"
            if not any(g.key not in self.program.parameters for g, _ in gets(term)):
                raise UsageError("a gradient that does not depend on data does not compile to loops yet")
            if self._outer(out, rule.index, factor, rows, term):
                continue
            with self.inside(For(row, *rows)):
                target = f"{out}[{{}}0]" if rule.index else f"{out}[0]"
                body = term if factor == 1 else Prod((Num(factor), term))
                self.entries(rule.index, body, row, target, "+")

    def _outer(self, out: str, index: tuple[str, ...], factor: Any, rows: tuple[str, str], term: Node) -> bool:
        """Σ over rows of a_i b_j as one matrix product, when it is of some size."""
        args = term.args if isinstance(term, Prod) else ()
        if len(index) != 2 or len(args) != 2 or factor != 1 or not all(isinstance(a, Get) for a in args):
            return False
        a, b = sorted(args, key=lambda x: index.index(next(iter(free(x)))) if len(free(x)) == 1 else 9)
        assert isinstance(a, Get) and isinstance(b, Get)
        m, n = self.length(index[0]), self.length(index[1])
        if (a.index, b.index) != ((index[0],), (index[1],)) or m * n < SMALL:
            return False
        if any(x.key in self.program.parameters or (x.time is not None and x.time.base != "t") for x in (a, b)):
            return False

        def start(x: Get, width: int) -> str:
            return f"{self.rows(x, rows[0]) if x.time is not None else '0'}*{width}"

        self.body.append(
            Multiply(
                str(m), str(n), f"({rows[1]}) - ({rows[0]})", (self.names[a.key], start(a, m), "1", str(m)),
                (self.names[b.key], start(b, n), str(n), "1"), (out, "0", str(n)), True,
            )
        )  # fmt: skip
        return True

    def _scan(self, stage: Stage) -> None:
        quantities = [self.plan.quantities[k] for k in stage.keys]
        forward = stage.kind == "forward"
        ends = max((r.high for q in quantities for r in q.rules if r.when is None), default=0)
        for back in range(ends):
            for q in quantities:
                self._single(q, back)
        loop = For("t", "0", f"T - {ends}" if ends else "T", back=not forward)
        with self.inside(loop):
            for q in quantities:
                rule = q.generic()
                if rule is None or any(r.when is not None and (forward or r.when.base == "at") for r in q.rules):
                    raise UsageError("an equation about one step only does not compile here")
                self.store(rule, q.key, "t*B", "(t + 1)*B", self.program.states.get(q.key, 0))

    def _single(self, q: Quantity, back: int) -> None:
        rule = next((r for r in q.rules if r.when == When("last", -back)), None) or q.generic()
        if rule is None or back:
            raise UsageError("an equation about a step before the last does not compile to loops yet")
        from symrnn.train.index import at

        fixed = Rule(at(rule.body, When("last")), rule.index, rule.number)
        self.store(fixed, q.key, "last", "last + B", self.program.states.get(q.key, 0), last=True)


@dataclass(frozen=True)
class _Temporary:
    """The array of a matrix product."""

    name: str
    width: int


def _letter(ix: Any) -> Any:
    return sympy.Integer(ix) if isinstance(ix, int) else sympy.Symbol(ix, integer=True)


def _terms(x: Node) -> list[tuple[Any, int | None, int, Node]]:
    """A total as terms: factor, the steps it leaves out at both ends (None: it is no sum over steps), the term."""
    from symrnn.train.index import split

    out: list[tuple[Any, int | None, int, Node]] = []
    for term in x.args if isinstance(x, Plus) else (x,):
        factor, rest = split(term)
        if isinstance(rest, Steps):
            for inner in rest.body.args if isinstance(rest.body, Plus) else (rest.body,):
                own, body = split(inner)
                out.append((factor * own, rest.low, rest.high, body))
        elif any(isinstance(y, Steps) for y in rest.walk()):
            raise UsageError("a product with a sum over steps does not compile to loops yet")
        else:
            out.append((factor, None, 0, rest))
    return out
