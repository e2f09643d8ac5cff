"""Trees to typed expressions: shapes first, every name and index accounted for.

Raises Problem with the place in the author's text. Codes: SR2xx names and letters, SR3xx shapes and
ranges, SR19x what is read but not yet understood (the verdict is then *undecided*, never a guess).
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from symrnn.diagnostic import Problem
from symrnn.elaborate import (
    brackets,
    components,
    derivative,
    functions,
    identity,
    indicator,
    powers,
    series,
    smooth,
    sums,
)
from symrnn.elaborate.abbreviation import expanded
from symrnn.elaborate.ambiguous import unambiguous
from symrnn.elaborate.context import AS_PRINTED, Context, Reading
from symrnn.elaborate.contraction import Chains, Cubic, Inside, contracted
from symrnn.elaborate.names import Match, head, is_transpose
from symrnn.elaborate.scope import Scope, to_index
from symrnn.elaborate.unknown import undeclared
from symrnn.expr import (
    SCALAR,
    Add,
    Apply,
    Count,
    Divide,
    Entry,
    Expr,
    Index,
    Local,
    MatMul,
    Number,
    Ref,
    Shape,
    Symbol,
    Times,
    Total,
    number,
    power,
    show_shape,
    transpose,
)
from symrnn.latex import notation as n
from symrnn.latex import tree as t
from symrnn.latex.printer import short
from symrnn.span import Span

ONE_INDEX = Index(None, 1)
NOT_YET = "SR190"


_ONES = "is '{}' beside a matrix in every entry, or the identity? 'broadcast = true' in the manifest says the first"


class Elaborator:
    """Elaborates the sides of one claim under one reading; they share their free letters."""

    def __init__(self, context: Context, reading: Reading = AS_PRINTED) -> None:
        self.context = context
        self.reading = reading
        self.scope = Scope(context.sizes)
        self.conditions: dict[str, str] = {}  # text of the condition → the reading that made it
        self.shorthands: list[str] = []
        self.locals: list[str] = []
        self.arguments: dict[Symbol, t.Tree] = {}  # those that quantities are printed with
        self.chains = Chains()
        self.plain = False  # a quantity stands for itself, as on the left of its definition
        self.numbered = False  # whether a copy at a step that is a number was met
        self.exact: dict[Symbol, bool] = {}  # whether a symbol was met in its declared style

    def condition(self, reading: str, text: str) -> None:
        """Note that a reading was used."""
        self.conditions.setdefault(text, reading)

    def expr(self, tree: t.Tree) -> Expr:
        """The typed expression of a tree. Raises Inside for a derivative of three indices."""
        try:
            found = self.factor(tree)
        except Cubic as cubic:
            raise Inside(cubic) from None
        if isinstance(found, Cubic):
            raise Inside(found)
        return found

    def factor(self, tree: t.Tree) -> Expr | Cubic:
        """What stands as a factor or alone: an expression, or a derivative of three indices, in brackets perhaps."""
        match tree:
            case t.Frac(num, den):
                try:
                    return derivative.fraction(self, tree, num, den)
                except Cubic as cubic:
                    return cubic
            case t.Fence("(" | "[", body, ")" | "]") if not isinstance(body, t.Listing):
                return self.factor(body)
            case t.Brace(_, body, _):
                return self.factor(body)
            case t.Stand(_, body, name):
                if name not in self.shorthands:
                    self.shorthands.append(name)
                return self.factor(body)
            case t.Product():
                return self.multiplied(tree)
        return self.other(tree)

    def other(self, tree: t.Tree) -> Expr:
        """The typed expression of any other tree."""
        match tree:
            case t.Num(text):
                return number(Fraction(text))
            case t.Name() | t.Accent() | t.Word():
                return self.name(tree)
            case t.Script():
                return self.script(tree)
            case t.Fence():
                return brackets.fence(self, tree)
            case t.Sqrt(body, None):
                return power(self.expr(body), number(Fraction(1, 2)))
            case t.Call(fn, arg):
                return functions.call(self, fn, arg, tree.span)
            case t.Matrix():
                return brackets.matrix(self, tree)
            case t.Additive():
                return self.additive(tree)
            case t.Big():
                return sums.big(self, tree)
            case t.Dots():
                raise Problem(NOT_YET, "the dots are read, but not yet filled in", tree.span)
            case t.Empty():
                raise Problem("SR203", "an operand is missing here", tree.span)
            case _:
                raise Problem(NOT_YET, f"'{short(tree)}' is not yet understood as a value", tree.span)

    # -- names --------------------------------------------------------------------------------

    def name(self, tree: t.Tree) -> Expr:
        """A bare name: a quantity, a letter of an index used as a number, a size."""
        found = self.context.names.match(tree)
        if isinstance(tree, t.Name) and not tree.style and self.scope.bound(tree.text):
            return Count(SCALAR, Index(tree.text))
        if found is not None:
            return self.quantity(found, tree.span)
        if isinstance(tree, t.Accent) and (loss := derivative.adjoint(self, t.Name("\\" + tree.kind))) is not None:
            return derivative.gradient(self, loss, tree.body, tree.span)
        if isinstance(tree, t.Name):
            if tree.text in self.locals:
                return Local(SCALAR, tree.text)
            index = to_index(tree)
            if index and index.letter == self.context.manifest.steps.index and self.context.names.timed:
                self.step(index, tree.span)
            if index and index.letter and (self.scope.find(index.letter) or self.context.fixed(index.letter)):
                return Count(SCALAR, index)
            if tree.text in ("\\nabla", "\\partial"):
                raise Problem("SR205", f"'{tree.text}' has nothing to act on", tree.span)
            if tree.text == "?":
                raise Problem(NOT_YET, "a question: nothing is claimed here", tree.span)
            if tree.text == "e":
                return Apply(SCALAR, "exp", number(1))
        if (value := smooth.bare(self, tree)) is not None:
            return value
        raise undeclared(self.context, tree)

    def quantity(self, m: Match, span: Span) -> Expr:
        """A matched name: its step and component indices are checked against their ranges."""
        if m.symbol.values:
            value: Expr = Count(SCALAR, self.scope.give(m.symbol.key, m.symbol.values, span))
            return self.raised(value, m.sups, span)
        if len(m.indices) < 1 and self.exact.setdefault(m.symbol, m.exact) != m.exact:
            raise Problem(NOT_YET, f"two styles of '{m.symbol.name}' on one line: is it one quantity?", span)
        if m.copy is not None and m.symbol in self.context.nodes:
            raise Problem("SR204", f"'{m.symbol.name}' is defined without steps", span)
        time = self.step(m.time, span) if m.time is not None else None
        copy = self.step(m.copy, span) if m.copy is not None else None
        self.numbered = self.numbered or (copy is not None and copy.letter is None)
        value = Ref(m.symbol.shape, m.symbol, time, copy)
        if m.indices:
            value = self.component(value, m.indices, span)
        if m.symbol.across and len(m.indices) == 1:
            value = transpose(value)
        if m.symbol in self.context.short and not self.plain:
            value = expanded(self, value, span)
        return self.raised(value, m.sups, span)

    def step(self, index: Index, span: Span) -> Index:
        """An index that stands for a step; under the reading «last» the generic step is the last."""
        steps = self.context.manifest.steps
        if self.reading.last and index.letter == steps.index and not self.scope.bound(index.letter):
            self.condition("last", f"({steps.index}) read as ({steps.last})")
            index = Index(steps.last, index.offset)
        self.counts(index, span)
        self.scope.use_time(index, self.context.fixed, span)
        return index

    def counts(self, index: Index | None, span: Span) -> None:
        """A free letter that counts steps or components must not be a quantity too."""
        letter = index.letter if index is not None else None
        if letter is None or self.scope.bound(letter) or self.context.fixed(letter):
            return
        found = self.context.names.match(t.Name(letter))
        if found is not None and found.symbol.values:
            self.scope.give(letter, found.symbol.values, span)
        elif found is not None and found.exact:
            raise Problem(NOT_YET, f"'{letter}' is a declared quantity, and counts steps or components here", span)

    def component(self, value: Expr, indices: tuple[t.Tree, ...], span: Span) -> Expr:
        """``value`` with one or two component indices."""
        return components.component(self, value, indices, span)

    # -- scripts ------------------------------------------------------------------------------

    def script(self, tree: t.Script) -> Expr:
        """A name with scripts, an indicator, or something with an index, a power or a transpose."""
        if isinstance(tree.base, t.Script) and tree.sub is None and not tree.base.sup and not tree.base.primes:
            tree = replace(tree.base, sup=tree.sup, primes=tree.primes, span=tree.span)  # {x_i}^2 prints as x_i^2
        if (special := indicator.indicator(self, tree)) is not None:
            return special
        if isinstance(tree.base, t.Name) and self.scope.bound(tree.base.text) and tree.sub is None and tree.sup:
            return self.scripted_name(tree)
        found = self.context.names.match(tree)
        if found is not None:
            return self.quantity(found, tree.span)
        if isinstance(tree.base, t.Name) and tree.base.text == "e" and tree.sub is None and tree.sup is not None:
            return Apply(SCALAR, "exp", self.scalar(tree.sup))
        if (value := smooth.bare(self, tree)) is not None:
            return value
        if isinstance(tree.base, (t.Name, t.Accent, t.Word)):
            return self.scripted_name(tree)
        if isinstance(tree.base, t.Script) and head(tree) is not None:
            raise undeclared(self.context, tree)
        if isinstance(tree.base, t.Fence) and tree.base.open == "\\|":
            value = brackets.norm(self, tree.base, tree.sub)
            return value if tree.sup is None else self.raised(value, (tree.sup,), tree.span)
        value = self.expr(tree.base)
        if tree.sub is not None:
            from symrnn.elaborate.names import parts

            value = self.component(value, parts(tree.sub), tree.span)
        if tree.primes:
            raise Problem(NOT_YET, "a prime on an expression is not yet understood", tree.span)
        return value if tree.sup is None else self.raised(value, (tree.sup,), tree.span)

    def scripted_name(self, tree: t.Script) -> Expr:
        """A script whose base alone is a known letter: an index or local variable to a power."""
        if tree.sub is None and tree.sup is not None and not tree.primes:
            if isinstance(tree.base, t.Name) and (tree.base.text in self.locals or to_index(tree.base)):
                try:
                    value = self.name(tree.base)
                except Problem:
                    raise undeclared(self.context, tree) from None
                return self.raised(value, (tree.sup,), tree.span)
        raise undeclared(self.context, tree)

    def raised(self, value: Expr, sups: tuple[t.Tree, ...], span: Span) -> Expr:
        """Superscripts left over on a value: a transpose, or a power."""
        if sum(not is_transpose(sup) for sup in sups) > 1:
            raise Problem(NOT_YET, "two exponents on one quantity are not yet understood", span)
        for sup in sups:
            if is_transpose(sup) and not self.is_power(sup, value):
                if isinstance(value, (Ref, Number, Local, Count)) and value.scalar:
                    raise Problem(NOT_YET, f"'{short(sup)}' above a scalar is neither declared nor a transpose", span)
                if isinstance(value, Entry):
                    raise Problem(NOT_YET, "a transpose on a component: is it of the component or before it?", span)
                if (
                    isinstance(sup, t.Name)
                    and sup.text == self.context.powers
                    and self.same(value.shape, value.shape[::-1])
                ):
                    raise Problem(NOT_YET, f"'{sup.text}' above a square matrix is the last step, or \\top", span)
                value = transpose(value)
            elif isinstance(sup, t.Product) and is_transpose(sup.factors[-1][1]) and len(sup.factors) == 2:
                value = transpose(powers.raised(self, value, sup.factors[0][1], span))
            else:
                value = powers.raised(self, value, sup, span)
        return value

    def is_power(self, sup: t.Tree, value: Expr) -> bool:
        """``W^t`` with the letter of steps, and a scalar to a T that is declared or the last step, are powers."""
        letter = sup.text if isinstance(sup, t.Name) and not sup.style else ""
        if letter == self.context.manifest.steps.index and self.context.names.timed:
            return True
        if not value.scalar or not (self.context.fixed(letter) or self.context.names.match(sup) is not None):
            return False
        if is_transpose(sup) and not isinstance(value, (Ref, Number, Local, Count)):
            raise Problem(NOT_YET, f"'{short(sup)}' above a scalar may be a power or a transpose", sup.span)
        return True

    def scalar(self, tree: t.Tree) -> Expr:
        """A tree that must be one number."""
        value = self.expr(tree)
        if not value.scalar:
            raise Problem("SR302", f"'{short(tree)}' is {show_shape(value.shape)} where a scalar is due", tree.span)
        return value

    def inner(self, left: Expr, right: Expr, span: Span) -> Expr:
        """The sum of products of entries of two values of one shape."""
        if not self.same(left.shape, right.shape):
            raise self.clash("an inner product", (left, right), span)
        return Total(SCALAR, Times(left.shape, left, right))

    # -- sums and products --------------------------------------------------------------------

    def same(self, a: Shape, b: Shape) -> bool:
        """Whether two shapes agree."""
        return self.scope.agree(a, b)

    def clash(self, what: str, values: tuple[Expr, ...], span: Span) -> Problem:
        """The shapes that do not go together."""
        shapes = "".join(f"({show_shape(v.shape)})" for v in values)
        return Problem("SR301", f"the shapes of {what} do not conform: {shapes}", span)

    def additive(self, tree: t.Additive) -> Expr:
        """A sum of values of one shape; a literal number may stand among vectors (1 − h²)."""
        for sign, _ in tree.terms:
            if sign not in ("", "+", "-"):
                raise Problem(NOT_YET, f"'{sign}' is not yet understood", tree.span)
        if series.has_dots([term for _, term in tree.terms]):
            return self.expr(series.summed(self, tree))
        values = components.in_hand(self, tree, identity.terms(self, tree))
        big = [v for v in values if not _fills(v)]
        shape = next((v.shape for v in big if not v.scalar), SCALAR)
        vector = 1 in shape  # a number may stand for a vector full of it; for a matrix that is ambiguous
        if self.context.manifest.broadcast:
            shape = self.broadcast(big, shape, tree.span)
        else:
            for value, (_, term) in zip(values, tree.terms, strict=True):
                if not (_fills(value) and vector) and not self.same(value.shape, shape):
                    if _fills(value):
                        raise Problem(NOT_YET, _ONES.format(short(term)), term.span)
                    raise self.clash(f"the sum '{short(tree)}'", tuple(values), term.span)
        signs = [-1 if sign == "-" else 1 for sign, _ in tree.terms]
        return Add(shape, tuple(zip(signs, values, strict=True)))

    def broadcast(self, values: list[Expr], shape: Shape, span: Span) -> Shape:
        """The common shape where the manifest lets scalars and rows be repeated."""
        rows, cols = shape
        for value in values:
            rows = value.shape[0] if rows == 1 else rows
            cols = value.shape[1] if cols == 1 else cols
        for value in values:
            r, c = value.shape
            if (r != 1 and not self.scope.same(r, rows)) or (c != 1 and not self.scope.same(c, cols)):
                raise self.clash("a sum", tuple(values), span)
        return rows, cols

    def multiplied(self, tree: t.Product) -> Expr | Cubic:
        """Factors from left to right: operators and functions take what follows, then shapes decide."""
        unambiguous(tree)
        if series.has_dots([factor for _, factor in tree.factors]):
            return self.expr(series.multiplied(self, tree))
        factors = derivative.grouped(self, tree)
        values = [(op, self.factor(item) if isinstance(item, t.Tree) else item) for op, item in factors]
        matrices = tuple(v for _, v in values if isinstance(v, Expr) and not v.scalar)
        result = values[0][1]
        for op, value in values[1:]:
            result = self.joined(op, result, value, matrices, tree)
        return result

    def joined(
        self, op: str, left: Expr | Cubic, right: Expr | Cubic, factors: tuple[Expr, ...], tree: t.Tree
    ) -> Expr | Cubic:
        """One product; a derivative of three indices has a meaning beside a vector."""
        if isinstance(left, Expr) and isinstance(right, Expr):
            return self.times(op, left, right, factors, tree)
        found = contracted(self.scope, left, right) if op in ("", "\\cdot") else None
        if found is None:
            raise Inside(left if isinstance(left, Cubic) else right)  # type: ignore[arg-type]
        return found

    def times(self, op: str, left: Expr, right: Expr, all_factors: tuple[Expr, ...], tree: t.Tree) -> Expr:
        """One product by its operator and the shapes of its sides."""
        if op in ("/", "\\div"):
            return self.divide(left, right, tree.span)
        if op == "\\times" and left.shape == right.shape and 1 in left.shape and not left.scalar:
            raise Problem(NOT_YET, "the cross product is not yet understood", tree.span)
        if left.scalar or right.scalar:
            return Times(right.shape if left.scalar else left.shape, left, right)
        if op in n.BINARY and n.BINARY[op] == n.HADAMARD and op != "\\otimes":
            return self.hadamard(left, right, tree)
        vectors = op == "\\cdot" and 1 in left.shape and self.same(left.shape, right.shape)
        if vectors and self.context.manifest.dot == "elementwise":
            return Times(left.shape, left, right)
        if op == "\\otimes" and left.shape[1] == right.shape[1] == 1:
            return MatMul((left.shape[0], right.shape[0]), left, transpose(right))
        if op == "\\otimes":
            raise Problem(NOT_YET, "'\\otimes' is understood between columns alone", tree.span)
        if op in ("", "\\cdot") and (value := self.chains.joined(left, right)) is not None:
            return value
        if self.scope.same(left.shape[1], right.shape[0]):
            return MatMul((left.shape[0], right.shape[1]), left, right)
        if vectors:
            return self.inner(left, right, tree.span)
        if self.context.manifest.broadcast and op in ("", "\\cdot") and 1 in (left.shape[0], right.shape[0]):
            wide = self.scope.same(left.shape[1], right.shape[1])
            if wide and not self.same(left.shape, right.shape):  # a row beside a matrix is repeated over its rows
                return Times(right.shape if left.shape[0] == 1 else left.shape, left, right)
        raise self.clash(f"the product '{short(tree)}'", all_factors, tree.span)

    def hadamard(self, left: Expr, right: Expr, tree: t.Tree) -> Expr:
        """The elementwise product; with broadcasting, a row is repeated over the rows of a matrix."""
        if self.same(left.shape, right.shape):
            return Times(left.shape, left, right)
        if self.context.manifest.broadcast:
            shape = self.broadcast([left, right], left.shape, tree.span)
            return Times(shape, left, right)
        raise self.clash(f"the elementwise product '{short(tree)}'", (left, right), tree.span)

    def divide(self, left: Expr, right: Expr, span: Span) -> Expr:
        """The quotient by a scalar, or entry by entry."""
        if right.scalar:
            return Divide(left.shape, left, right)
        if left.scalar and 1 in right.shape:
            return Divide(right.shape, left, right)
        if self.same(left.shape, right.shape):
            return Divide(left.shape, left, right)
        if self.context.manifest.broadcast:
            return Divide(self.broadcast([left, right], left.shape, span), left, right)
        raise self.clash("a quotient", (left, right), span)


def _fills(value: Expr) -> bool:
    """A literal number may stand for a vector or matrix full of it."""
    return isinstance(value, Number)
