"""NumPy: a plan as Python source of array operations, matrix products by BLAS.

The source defines ``plan(T, B, <sizes>, dtype)``, which allocates every array once and returns ``run``. Arrays have
the axes (step, sequence, component…). Whole-sequence products are one matrix product over all steps and sequences;
recursions are loops over views prepared beforehand, with two or three array operations a step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from symrnn.diagnostic import UsageError
from symrnn.expr import Symbol
from symrnn.train.backends.arrays import BATCH, STEP, UNARY, Val, em_end, literal, matrix, plain_term
from symrnn.train.backends.names import Names
from symrnn.train.index import Delta, Fn, Get, Max, Node, Num, Pick, Plus, Pow, Prod, Steps, Sum, When, free, split
from symrnn.train.plan import Plan
from symrnn.train.program import Rule, gets
from symrnn.train.sizes import Sizes


class Emitter:
    """Writes the code of one plan."""

    def __init__(self, plan: Plan, sizes: Sizes) -> None:
        self.plan = plan
        self.program = plan.program
        self.sizes = sizes
        self.names = Names(plan)
        self.setup: list[str] = []
        self.code: list[str] = []
        self.before: list[str] = []  # lines of the run that go before the stage at hand
        self.indent = "        "
        self.bound: dict[str, str] = {}
        self.count = 0
        self.low = self.high = 0  # the steps of the sum at hand
        self.step: dict[tuple[Any, int], str] | None = None  # in a loop: the views of this step, by mention
        self.fixed: When | None = None  # at a single step
        self.ones: dict[str, str] = {}
        self.direct = plan.direct

    # -- words --------------------------------------------------------------------------------

    def new(self, stem: str = "w") -> str:
        """A name that no one else uses."""
        self.count += 1
        return f"{stem}{self.count}"

    def say(self, line: str) -> None:
        """A line of the run."""
        self.code.append(self.indent + line)

    def bind(self, code: str, still: bool) -> str:
        """A name for a view; made once, before the run when its array is known by then."""
        if code.isidentifier():
            return code
        found = self.bound.get(code)
        if found is not None:
            return found
        if re.search(r"\bs\d+", code):  # of this step of a loop
            found = self.new("s")
            self.say(f"{found} = {code}")
            return found
        found = self.bound[code] = self.new("v")
        if still:
            self.setup.append(f"{found} = {code}")
        else:
            self.before.append(f"        {found} = {code}")
        return found

    def length(self, axis: str) -> str:
        """The length of an axis, as code."""
        if axis == STEP:
            cut = self.low + self.high
            return f"T - {cut}" if cut else "T"
        return "B" if axis == BATCH else self.names.size(self.sizes.of(axis).name)

    def product(self, axes: Iterable[str]) -> str:
        """The number of entries of several axes, as code."""
        lengths = [self.length(a) for a in axes]
        return " * ".join(f"({n})" if " " in n else n for n in lengths) or "1"

    def shape(self, axes: Iterable[str]) -> str:
        """A shape, as code."""
        lengths = [self.length(a) for a in axes]
        return "(" + ", ".join(lengths) + ("," if len(lengths) == 1 else "") + ")"

    def buffer(self, axes: tuple[str, ...]) -> Val:
        """A new array for a result."""
        name = self.new()
        self.setup.append(f"{name} = empty({self.shape(axes)}, dtype)")
        return Val(name, axes, True, True)

    # -- quantities ---------------------------------------------------------------------------

    def lead(self, key: Any) -> tuple[str, ...]:
        """The axes of a quantity before its components."""
        if key in self.program.parameters:
            return ()
        q = self.plan.quantities.get(key)
        timed = q.timed if q is not None else bool(key.timed)
        return ((STEP,) if timed and self.step is None and self.fixed is None else ()) + (BATCH,)

    def get(self, x: Get) -> Val:
        """The view of a mention."""
        name = self.names[x.key]
        still = x.key in self.plan.quantities
        lag = self.program.states.get(x.key, 0) if isinstance(x.key, Symbol) else 0
        lead = self.lead(x.key)
        code = name
        q = self.plan.quantities.get(x.key)
        if (q.timed if q is not None else isinstance(x.key, Symbol) and x.key.timed) and x.time is not None:
            if x.time.base == "last":
                code = f"{name}[{em_end(lag + x.time.shift - 1)}]"
                lead = (BATCH,)
            elif self.step is not None:
                code, still = self.step.setdefault((x.key, x.time.shift), self.new("s")), False
            elif self.fixed is not None:
                code = f"{name}[{em_end(lag + x.time.shift + self.fixed.shift - 1)}]"
            else:
                low, high = lag + x.time.shift + self.low, lag + x.time.shift - self.high
                whole = low == 0 and high == 0 and lag == 0
                code = name if whole else f"{name}[{low}:{em_end(high)}]"
        picks = list(x.index)
        if any(isinstance(i, int) for i in picks):
            where = ", ".join(str(i) if isinstance(i, int) else ":" for i in picks)
            code = f"{code}[{'..., ' if lead else ''}{where}]"
        axes = tuple(i for i in picks if isinstance(i, str))
        if len(set(axes)) != len(axes):
            letters = "".join("ij"[list(dict.fromkeys(axes)).index(a)] for a in axes)
            code = f"np.einsum('...{letters}->...{''.join(dict.fromkeys(letters))}', {code})"
            return Val(self.bind(code, False), lead + tuple(dict.fromkeys(axes)))
        return Val(self.bind(code, still), lead + axes, still)

    # -- expressions --------------------------------------------------------------------------

    def align(self, v: Val, axes: tuple[str, ...]) -> str:
        """The array as one that broadcasts to the axes."""
        if v.axes == axes[len(axes) - len(v.axes) :] or not v.axes:
            return v.code
        order = [a for a in axes if a in v.axes]
        code = v.code
        if list(v.axes) != order:
            code = f"{code}.transpose({', '.join(str(v.axes.index(a)) for a in order)})"
        first = axes.index(order[0])
        marks = [":" if a in v.axes else "None" for a in axes[first:]]
        if "None" in marks:
            code = f"{code}[{', '.join(marks)}]"
        return self.bind(code, v.still)

    def emit(self, x: Node, out: Val | None = None, order: tuple[str, ...] = ()) -> Val:
        """The value of an expression, in ``out`` if that has its axes and something is computed at all."""
        match x:
            case Num(value):
                return Val(literal(value), ())
            case Get():
                return self.get(x)
            case Plus(args):
                return self.plus(args, out, order)
            case Prod() | Sum() | Steps():
                return self.sum(x, frozenset(), out, order)
            case Pow(base, exponent):
                return self.power(base, exponent, out, order)
            case Fn("sigmoid", body):
                return self.sigmoid(body, out, order)
            case Fn(name, body):
                v = self.emit(body, out, order)
                return self.apply(UNARY[name], [v], v.axes, out)
            case Max(ix, body):
                v = self.emit(body, None, order)
                axes = tuple(a for a in v.axes if a != ix)
                return self.apply(f"np.maximum.reduce({{0}}, {v.axes.index(ix)}, None, {{1}})", [v], axes, out, False)
            case Pick(ix, cases):
                return self.pick(ix, cases, order)
            case Delta(one, two):
                return Val(self.bind(f"np.eye({self.length(str(one))}, dtype=dtype)", True), (str(one), str(two)), True)
        raise UsageError(f"{type(x).__name__} has no NumPy form")

    def apply(self, form: str, args: list[Val], axes: tuple[str, ...], out: Val | None, reuse: bool = True) -> Val:
        """One array operation: ``form`` with its arguments and the array for the result."""
        if not axes:
            name = self.new()
            self.say(f"{name} = " + form.format(*(a.code for a in args), "None"))
            return Val(name, ())
        if out is None or out.axes != axes:
            own = next((a for a in args if a.own and a.axes == axes), None) if reuse else None
            out = own or self.buffer(axes)
        self.say(form.format(*(self.align(a, axes) if reuse else a.code for a in args), out.code))
        return Val(out.code, axes, out.still, True)

    def union(self, order: tuple[str, ...], *values: Val) -> tuple[str, ...]:
        """The axes of several arrays together: steps, sequences, then as wanted, then as they come."""
        found = dict.fromkeys(a for v in values for a in v.axes)
        first = [a for a in (STEP, BATCH, *order) if a in found]
        return tuple(dict.fromkeys([*first, *found]))

    def plus(self, args: tuple[Node, ...], out: Val | None, order: tuple[str, ...]) -> Val:
        """A sum: the products by BLAS go first, into the result."""
        terms = sorted(
            args, key=lambda a: (not any(isinstance(b, Sum) for b in a.walk()), split(a)[0] < 0, plain_term(a))
        )
        total: Val | None = None
        negative = False
        for term in terms:
            factor, rest = split(term)
            if rest == Num(factor.__class__(1)):
                v, sign = Val(literal(abs(factor)), ()), factor < 0
            elif abs(factor) == 1:
                v, sign = self.emit(rest, out if total is None else None, order), factor < 0
            else:
                v, sign = self.emit(term, out if total is None else None, order), False
            if total is None:
                total, negative = v, sign
                continue
            axes = self.union(order, total, v)
            if negative and sign:
                total = self.apply("add({0}, {1}, {2})", [total, v], axes, out)
            elif negative:
                total, negative = self.apply("subtract({0}, {1}, {2})", [v, total], axes, out), False
            else:
                form = "subtract({0}, {1}, {2})" if sign else "add({0}, {1}, {2})"
                total = self.apply(form, [total, v], axes, out)
        assert total is not None
        return self.apply("np.negative({0}, {1})", [total], total.axes, out) if negative else total

    def power(self, base: Node, exponent: Any, out: Val | None, order: tuple[str, ...]) -> Val:
        v = self.emit(base, None, order)
        if exponent == 2:
            return self.apply("multiply({0}, {0}, {1})", [v], v.axes, out)
        if exponent == -1:
            return self.apply("np.reciprocal({0}, {1})", [v], v.axes, out)
        if exponent == exponent.__class__(1, 2):
            return self.apply("np.sqrt({0}, {1})", [v], v.axes, out)
        return self.apply(f"np.power({{0}}, {literal(exponent)}, {{1}})", [v], v.axes, out)

    def sigmoid(self, body: Node, out: Val | None, order: tuple[str, ...]) -> Val:
        """σ(x) = (1 + tanh(x/2))/2, which does not overflow."""
        v = self.emit(body, out, order)
        v = self.apply("multiply({0}, 0.5, {1})", [v], v.axes, out)
        v = self.apply("tanh({0}, {1})", [v], v.axes, out)
        v = self.apply("multiply({0}, 0.5, {1})", [v], v.axes, out)
        return self.apply("add({0}, 0.5, {1})", [v], v.axes, out)

    def pick(self, ix: str, cases: tuple[Node, ...], order: tuple[str, ...]) -> Val:
        values = [self.emit(c, None, order) for c in cases]
        axes = self.union(order, *values)
        target = self.buffer((*axes, ix))
        for k, v in enumerate(values):
            self.say(f"{target.code}[..., {k}] = {self.align(v, axes)}")
        return target

    # -- sums and products --------------------------------------------------------------------

    @contextmanager
    def over(self, low: int, high: int) -> Iterator[None]:
        """Inside a sum over steps."""
        before = self.low, self.high
        self.low, self.high = low, high
        try:
            yield
        finally:
            self.low, self.high = before

    def sum(self, x: Node, axes: frozenset[str], out: Val | None, order: tuple[str, ...]) -> Val:
        """Σ over the axes, of products by contraction."""
        match x:
            case Sum(ix, body):
                return self.sum(body, axes | {ix}, out, order)
            case Steps(low, high, body):
                with self.over(low, high):
                    return self.sum(body, axes | {STEP}, out, order)
            case Plus(args) if axes:
                parts = [self.sum(a, axes, None, order) for a in args]
                total = parts[0]
                for v in parts[1:]:
                    total = self.apply("add({0}, {1}, {2})", [total, v], self.union(order, total, v), out)
                return total
            case Prod(args):
                inner = [a for a in args if isinstance(a, Steps)]
                if inner and (
                    len(inner) > 1 or any(g.time is not None for a in args if a not in inner for g, _ in gets(a))
                ):
                    raise UsageError("a product of sums over steps does not compile")
                return self.contract(list(args), axes, out, order)
        return self.contract([x], axes, out, order)

    def contract(self, factors: list[Node], axes: frozenset[str], out: Val | None, order: tuple[str, ...]) -> Val:
        """Σ over axes of a product: factors at equal axes are multiplied entry by entry, two others by BLAS."""
        numbers = [a for a in factors if isinstance(a, Num)]
        factor = numbers[0].value if numbers else 1
        rest = [a for a in factors if not isinstance(a, Num)]
        sums = [a for a in rest if isinstance(a, (Sum, Steps)) and not (free(a) & axes) and len(rest) > 1]
        values = [self.emit(a, None, order) for a in sums]
        below: list[Val] = []
        for a in rest:
            if a in sums:
                continue
            if isinstance(a, (Sum, Steps)):
                values.append(self.sum(a, frozenset(), out if len(rest) == 1 and not axes else None, order))
            elif isinstance(a, Pow) and a.exponent == -1 and len(rest) > 1:
                below.append(self.emit(a.base, None, order))
            else:
                values.append(self.emit(a, None, order))
        grouped: dict[frozenset[str], list[Val]] = {}
        for v in values:
            grouped.setdefault(frozenset(v.axes), []).append(v)
        merged = [self.multiply(g, None if len(grouped) > 1 or axes else out, order) for g in grouped.values()]
        while len(merged) > 2 or (len(merged) == 2 and not matrix(merged[0], merged[1], axes)):
            merged = self.join(merged, axes, out, order)
        if below and (len(merged) == 2 or axes & {a for v in below for a in v.axes}):
            merged = [self.multiply(merged, None, order)] if merged else []
        if below and len(merged) < 2:
            top = merged[0] if merged else Val("1.0", ())
            for v in below:
                top = self.apply("divide({0}, {1}, {2})", [top, v], self.union(order, top, v), None if axes else out)
            merged = [top]
        if len(merged) == 2:
            v = self.matmul(merged[0], merged[1], axes, out, order)
        elif merged:
            v = self.reduce(merged[0], axes & set(merged[0].axes), out)
        else:
            v = Val("1.0", ())
        missing = [a for a in axes if not any(a in m.axes for m in merged)]
        if missing:
            v = self.apply(f"multiply({{0}}, {self.product(missing)}, {{1}})", [v], v.axes, out)
        if factor != 1:
            form = "np.negative({0}, {1})" if factor == -1 else f"multiply({{0}}, {literal(factor)}, {{1}})"
            v = self.apply(form, [v], v.axes, out)
        return v

    def multiply(self, values: list[Val], out: Val | None, order: tuple[str, ...]) -> Val:
        """The product entry by entry."""
        total = values[0]
        for v in values[1:]:
            total = self.apply("multiply({0}, {1}, {2})", [total, v], self.union(order, total, v), out)
        return total

    def join(self, values: list[Val], axes: frozenset[str], out: Val | None, order: tuple[str, ...]) -> list[Val]:
        """Two of several factors made one: by a contraction if one is due to just them, else entry by entry."""
        for i, a in enumerate(values):
            for j in range(i + 1, len(values)):
                b = values[j]
                others = [v for k, v in enumerate(values) if k not in (i, j)]
                due = axes & set(a.axes) & set(b.axes) - {x for v in others for x in v.axes}
                if due and others and matrix(a, b, due):
                    return [self.matmul(a, b, due, None, order), *others]
        values = sorted(values, key=lambda v: len(v.axes))
        last = None if axes or len(values) > 2 else out
        return [self.multiply(values[:2], last, order), *values[2:]]

    def matmul(self, a: Val, b: Val, axes: frozenset[str], out: Val | None, order: tuple[str, ...]) -> Val:
        """A matrix product: kept axes of the one, kept axes of the other, what both have is summed over."""
        both = [x for x in a.axes if x in b.axes]
        keep_a = tuple(x for x in a.axes if x not in both)
        keep_b = tuple(x for x in b.axes if x not in both)
        wanted = self.union(order, Val("", keep_a), Val("", keep_b))
        if wanted != keep_a + keep_b:
            if wanted == keep_b + keep_a:
                a, b, keep_a, keep_b = b, a, keep_b, keep_a
            else:
                wanted = keep_a + keep_b
        left, right = self.flat(a, keep_a, tuple(both), True), self.flat(b, tuple(both), keep_b, False)
        if not both:
            return self.apply("multiply({0}, {1}, {2})", [a, b], wanted, out)
        if not wanted:
            name = self.new()
            self.say(f"{name} = {left}.dot({right})")
            return Val(name, ())
        if out is None or out.axes != wanted:
            out = self.buffer(wanted)
        target = out.code
        if len(keep_a) > 1 or len(keep_b) > 1:
            shape = [self.product(k) for k in (keep_a, keep_b) if k]
            target = self.bind(f"{out.code}.reshape({', '.join(shape)})", out.still)
        self.say(f"{left}.dot({right}, {target})")
        return Val(out.code, wanted, out.still, True)

    def flat(self, v: Val, first: tuple[str, ...], second: tuple[str, ...], left: bool) -> str:
        """The array as a matrix whose rows are the first axes together, whose columns the second."""
        if len(first) <= 1 and len(second) <= 1 and v.axes == first + second:
            return v.code
        if v.axes == first + second or v.axes == second + first:
            turned = v.axes != first + second
            one, two = (second, first) if turned else (first, second)
            shape = [self.product(k) for k in (one, two) if k]
            code = f"{v.code}.reshape({', '.join(shape)})" if len(one) > 1 or len(two) > 1 else v.code
            return self.bind(self.bind(code, v.still) + (".T" if turned and len(shape) == 2 else ""), v.still)
        turn = ", ".join(str(v.axes.index(x)) for x in first + second)
        shape = [self.product(k) for k in (first, second) if k]
        name = self.new()  # a copy: made here, after what it is a copy of
        self.say(f"{name} = {v.code}.transpose({turn}).reshape({', '.join(shape)})")
        return name

    def reduce(self, v: Val, axes: Iterable[str], out: Val | None) -> Val:
        """Σ over axes of one array: a product with ones where those axes stand together at an end."""
        axes = tuple(a for a in v.axes if a in axes)
        if not axes:
            return v
        keep = tuple(a for a in v.axes if a not in axes)
        if v.axes not in (keep + axes, axes + keep):
            where = tuple(v.axes.index(a) for a in axes)
            return self.apply(f"add.reduce({{0}}, {where}, None, {{1}})", [v], keep, out, False)
        size = self.product(axes)
        ones = Val(self.bind(f"ones({size}, dtype)", True), ("*",), True)
        flat = self.flat(v, keep, axes, True)
        if not keep:
            name = self.new()
            self.say(f"{name} = {ones.code}.dot({flat})")
            return Val(name, ())
        if out is None or out.axes != keep:
            out = self.buffer(keep)
        target = self.bind(f"{out.code}.reshape({self.product(keep)})", out.still) if len(keep) > 1 else out.code
        self.say(f"{flat}.dot({ones.code}, {target})")
        return Val(out.code, keep, out.still, True)

    def store(self, rule: Rule, out: Val, order: tuple[str, ...]) -> None:
        """Compute a rule's body into an array."""
        v = self.emit(rule.body, out, order)
        if v.code != out.code:
            self.say(f"{out.code}[...] = {self.align(v, out.axes)}")
