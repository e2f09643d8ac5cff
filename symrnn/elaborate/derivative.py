r"""Derivatives in every notation.

``\nabla_X A``, ``\frac{\partial A}{\partial X}``, ``\frac{d}{dx} A``, ``\partial_X A``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate import functions, indicator, primes, second, smooth
from symrnn.elaborate.contraction import Cubic, Inside
from symrnn.elaborate.names import head, parts
from symrnn.elaborate.unknown import same_arguments, undeclared
from symrnn.expr import (
    SCALAR,
    Entry,
    Expr,
    Gradient,
    Index,
    Local,
    Ref,
    Symbol,
    Transpose,
    part_of,
    substituted,
    transpose,
    variable,
)
from symrnn.latex import tree as t
from symrnn.latex.parser import parse_expression
from symrnn.latex.printer import short
from symrnn.span import Span

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator

Factors = list[tuple[str, "t.Tree | Expr | Cubic"]]


def is_mark(tree: t.Tree) -> bool:
    """Whether a tree is the ∂ or d of a derivative."""
    match tree:
        case t.Script(t.Name("\\partial"), None, t.Name("+"), 0):
            return True
        case t.Name("\\partial") | t.Word("d"):
            return True
        case t.Name("d", style):
            return style in ("", "rm")
        case _:
            return False


def _is_partial(tree: t.Tree) -> bool:
    tree = tree.base if isinstance(tree, t.Script) else tree
    return isinstance(tree, t.Name) and tree.text == "\\partial"


def marked(tree: t.Tree) -> tuple[t.Tree, t.Tree | None] | None:
    """``∂ A`` as its mark and A (None when the mark stands alone); None when the tree is something else."""
    if is_mark(tree):
        return tree, None
    if isinstance(tree, t.Product) and is_mark(tree.factors[0][1]):
        rest = tree.factors[1:]
        if len(rest) == 1:
            return tree.factors[0][1], rest[0][1]
        span = rest[0][1].span | rest[-1][1].span
        return tree.factors[0][1], t.Product((("", rest[0][1]), *rest[1:]), span=span)
    return None


def fraction(elab: Elaborator, tree: t.Tree, num: t.Tree, den: t.Tree) -> Expr:
    """A fraction: a derivative when ∂ or d begins both halves, else a quotient."""
    above, below = marked(num), marked(den)
    if below is None and above is not None and (apart := _number_before(den)) is not None:
        try:
            value = fraction(elab, tree, num, apart[1])
        except Cubic as cubic:
            raise Inside(cubic) from None
        return elab.divide(value, elab.expr(apart[0]), tree.span)
    if _higher(num) or _higher(den):
        for mark in (x for half in (num, den) for x in half.walk() if is_mark(x)):
            _no_quantity(elab, mark)
        try:
            return second.second(elab, tree, num, den)
        except Cubic as cubic:
            raise Inside(cubic) from None
    if below is None or (above is None and not _is_partial(below[0])):
        if above is not None and _is_partial(above[0]):
            raise Problem("SR207", "∂ stands above this fraction but not below it", tree.span)
        top, bottom = elab.expr(num), elab.expr(den)
        return elab.divide(top, bottom, tree.span)
    if above is None:
        raise Problem("SR207", "∂ stands below this fraction but not above it", num.span)
    if (isinstance(above[0], t.Script) and not _direct(above[0])) or below[1] is None:
        raise Problem("SR190", f"the derivative '{short(tree)}' is not yet understood", tree.span)
    _no_quantity(elab, below[0])
    if above[1] is None:
        raise Problem("SR205", f"the derivative '{short(tree)}' has nothing to act on", tree.span)
    return _laid(elab, gradient(elab, above[1], below[1], tree.span, _direct(above[0])))


def _number_before(den: t.Tree) -> tuple[t.Tree, t.Tree] | None:
    r"""``T \cdot \partial o`` below a fraction: a number, and the ∂ with what is derived by."""
    if not isinstance(den, t.Product):
        return None
    at = [k for k, (_, f) in enumerate(den.factors) if _is_partial(f)]
    if len(at) != 1 or at[0] == 0 or any(op not in ("", "\\cdot") for op, _ in den.factors[: at[0] + 1]):
        return None
    before, after = den.factors[: at[0]], den.factors[at[0] :]
    return _product(before), _product((("", after[0][1]), *after[1:]))


def _product(factors: tuple[tuple[str, t.Tree], ...]) -> t.Tree:
    if len(factors) == 1:
        return factors[0][1]
    return t.Product(factors, span=factors[0][1].span | factors[-1][1].span)


def _laid(elab: Elaborator, value: Expr) -> Expr:
    """∂ of a number by a column, as the manifest lays it out."""
    column = isinstance(value, Gradient) and value.of.scalar and value.shape[1] == 1
    return transpose(value) if elab.context.rows and column else value


def _direct(mark: t.Tree) -> bool:
    r"""``\partial^+``: by what is mentioned itself, all else held fixed (the immediate derivative)."""
    return isinstance(mark, t.Script) and isinstance(mark.sup, t.Name) and mark.sup.text == "+"


def _no_quantity(elab: Elaborator, mark: t.Tree) -> None:
    r"""``\frac{d a}{d b}`` is a quotient of products where d is a quantity."""
    found = elab.context.names.match(mark)
    if found is not None and found.exact:
        raise Problem("SR190", f"'{short(mark)}' is a declared quantity, and the mark of a derivative here", mark.span)


def _higher(tree: t.Tree) -> bool:
    """``∂² A`` or ``∂x²``: a derivative of higher order."""
    first = tree.factors[0][1] if isinstance(tree, t.Product) else tree
    if isinstance(first, t.Script) and is_mark(first.base) and first.sub is None and not _direct(first):
        return True
    marks = [f for _, f in tree.factors if is_mark(f)] if isinstance(tree, t.Product) else []
    return len(marks) > 1 and _is_partial(marks[0])


def operator(tree: t.Tree) -> t.Tree | None:
    r"""The variable of a derivative that acts on what follows: ``∇_X``, ``\partial_X``, ``\frac{d}{dX}``."""
    match tree:
        case t.Script(t.Name("\\nabla"), sub, sup) if sub is not None:
            if sup is not None and not isinstance(sup, t.Fence):
                raise Problem("SR190", "a power of ∇ is not yet understood", tree.span)
            return sub if sup is None else t.Script(sub, None, sup, span=tree.span)
        case t.Script(t.Name("\\partial"), sub, sup) if sub is not None:
            if sup is not None and not _direct(tree):
                raise Problem("SR190", f"'{short(tree)}' is not yet understood as a derivative", tree.span)
            return sub
        case t.Frac(num, den):
            above, below = marked(num), marked(den)
            if above is not None and above[1] is None and below is not None and below[1] is not None:
                return below[1]
    return None


def grouped(elab: Elaborator, tree: t.Product) -> Factors:
    """The factors of a product with operators and functions applied to what they govern."""
    rest: list[tuple[str, t.Tree]] = list(tree.factors)
    out: Factors = []
    while rest:
        op, factor = rest.pop(0)
        variable = operator(factor)
        twice = second.operator(factor)
        if twice is not None or variable is not None or (isinstance(factor, t.Name) and factor.text == "\\nabla"):
            try:
                out.append((op, _act(elab, factor, twice[1] if twice else variable, rest, twice)))
            except Cubic as cubic:
                out.append((op, cubic))
        elif rest and not rest[0][0] and (loss := adjoint(elab, factor)) is not None:
            out.append((op, gradient(elab, loss, rest.pop(0)[1], factor.span)))
        elif rest and not rest[0][0] and (applied := _application(elab, factor, rest[0][1])) is not None:
            rest.pop(0)
            out.append((op, applied))
        elif rest and not rest[0][0] and _probability(elab, factor, rest[0][1]):
            message = "a probability is no quantity here: the manifest can declare it, p(y=1) \\in \\mathbb{R}"
            raise Problem("SR190", message, factor.span | rest[0][1].span)
        elif is_mark(factor) and rest and not rest[0][0] and elab.context.names.match(factor) is None:
            raise Problem("SR190", "a differential is not yet understood", factor.span)
        else:
            out.append((op, factor))
    return out


def adjoint(elab: Elaborator, mark: t.Tree) -> t.Tree | None:
    """The loss L of which the manifest says that a mark makes gradients: ``dW`` is ∂L/∂W."""
    if isinstance(mark, t.Word):
        mark = t.Name(mark.text)
    loss = elab.context.manifest.adjoint.get(mark.text) if isinstance(mark, t.Name) else None
    if loss is None:
        return None
    _no_quantity(elab, mark)
    return parse_expression(loss, frozenset(elab.context.manifest.words))


def _probability(elab: Elaborator, fn: t.Tree, arg: t.Tree) -> bool:
    """``P(A | B)``, ``p(y = 1)`` of a letter that nothing declares."""
    name = head(fn)
    fence = arg.base if isinstance(arg, t.Script) else arg
    if name is None or name.key.lower() not in ("p", "q", "\\pr") or not isinstance(fence, t.Fence):
        return False
    barred = isinstance(fence.body, t.Listing) and "|" in fence.body.seps
    return (barred or isinstance(fence.body, t.Chain)) and not any(True for _ in elab.context.names.family(name.key))


def _act(
    elab: Elaborator,
    factor: t.Tree,
    variable: t.Tree | None,
    rest: list[tuple[str, t.Tree]],
    twice: tuple[t.Tree, t.Tree] | None = None,
) -> Expr:
    if variable is None and elab.context.manifest.nabla:
        variable = parse_expression(elab.context.manifest.nabla, frozenset(elab.context.manifest.words))
    variable = variable or (elab.context.argument(rest[0][1]) if rest else None)
    if variable is None:
        raise Problem("SR205", "∇ does not say by what it derives", factor.span)
    if not rest or rest[0][0]:
        raise Problem("SR205", f"'{short(factor)}' has nothing to act on", factor.span)
    if isinstance(factor, t.Frac) and (below := marked(factor.den)) is not None:
        _no_quantity(elab, below[0])
    count = _extent(elab, factor, rest)
    governed = [rest.pop(0) for _ in range(count)]
    if isinstance(factor, t.Frac) and any(node == variable for _, beyond in rest for node in beyond.walk()):
        raise Problem("SR190", f"how far does '{short(factor)}' reach? A bracket around it would say", factor.span)
    operand = governed[0][1]
    if count > 1:
        operand = t.Product((("", operand), *governed[1:]), span=operand.span | governed[-1][1].span)
    if twice is not None:
        return second.twice(elab, operand, twice, factor.span | operand.span)
    found = gradient(elab, operand, variable, factor.span | operand.span, _direct(factor))
    nabla = isinstance(factor, t.Script) and isinstance(factor.base, t.Name) and factor.base.text == "\\nabla"
    return found if nabla else _laid(elab, found)


def _extent(elab: Elaborator, factor: t.Tree, rest: list[tuple[str, t.Tree]]) -> int:
    """How many factors an operator governs: a bracket or one quantity; a fraction d/dx the whole term."""
    first = rest[0][1]
    base = first.base if isinstance(first, t.Script) else first
    if isinstance(base, t.Fence) or isinstance(first, (t.Big, t.Call)):
        return 1
    applied = len(rest) > 1 and not rest[1][0] and _is_application(elab, first, rest[1][1])
    if isinstance(factor, t.Frac):
        return len(rest)
    if applied:
        return 2
    found = elab.context.names.match(first)
    whole = found is not None and len([d for d in found.symbol.shape if d != 1]) <= len(found.indices)
    chained = len(rest) > 1 and operator(rest[1][1]) is not None  # ∂_h y ∂_x h: each acts on one
    if (whole or chained) and found is not None and found.symbol in elab.context.nodes:
        return 1  # ∇L and what stands beside it
    return len(rest)  # a constant or a vector in front: the operator is meant for the whole product


def _is_application(elab: Elaborator, fn: t.Tree, arg: t.Tree) -> bool:
    fence = arg.base if isinstance(arg, t.Script) else arg
    if not isinstance(fence, t.Fence) or fence.open not in ("(", "["):
        return False
    if fence.open == "(" and smooth.functions(elab.context, fn):
        return True
    found = elab.context.names.match(fn)
    if found is not None:
        listed = isinstance(fence.body, t.Listing) and set(fence.body.seps) <= {",", ";", "|"}
        return (listed and found.symbol.shape == SCALAR) or found.symbol in elab.context.arguments
    name = head(fn)
    return name is not None and not name.subs and not name.sups and primes.known(elab.context, name.key) is not None


def one_application(elab: Elaborator, tree: t.Tree) -> bool:
    r"""Whether a product is nothing but ``f(x)``, as in ``\log \sigma(z)``."""
    match tree:
        case t.Product((("", fn), ("", arg))):
            return _is_application(elab, fn, arg)
    return False


def _application(elab: Elaborator, fn: t.Tree, arg: t.Tree) -> Expr | None:
    """``f(x)``: a known function of a bracket, or a quantity printed with what it depends on."""
    fence = arg.base if isinstance(arg, t.Script) else arg
    span = fn.span | arg.span
    if isinstance(fn, t.Name) and fn.text == "1" and fn.style and isinstance(fence, t.Fence) and fence.open == "[":
        return indicator.of_condition(elab, fence.body)
    if not isinstance(fence, t.Fence):
        return None
    found = elab.context.names.match(fn)
    if not _is_application(elab, fn, arg):
        slope = isinstance(fn, t.Frac) and marked(fn.num) is not None and marked(fn.den) is not None
        plain = head(fence.body) is not None or isinstance(fence.body, t.Num)
        if (found is not None or slope) and fence is arg and fence.open == "(" and plain:
            raise Problem("SR190", f"'{short(fn)}({short(fence.body)})' may be a product or a value there", span)
        return None
    if fence.open == "(" and (unclear := smooth.apply(elab, fn, fence)) is not None:
        value = unclear
    elif found is not None:
        same_arguments(elab, found.symbol, fence)
        value = elab.expr(fn)
    else:
        name = head(fn)
        assert name is not None
        function = primes.known(elab.context, name.key)
        assert function is not None
        value = functions.apply(elab, function[0], fence, fn, span, function[1])
    if isinstance(arg, t.Script):
        if arg.sub is not None:
            value = elab.component(value, parts(arg.sub), span)
        if arg.sup is not None:
            value = elab.raised(value, (arg.sup,), span)
    return value


def gradient(elab: Elaborator, of: t.Tree, by: t.Tree, span: Span, direct: bool = False) -> Expr:
    """The derivative of a tree by a variable, typed by the shapes of both."""
    variable = local_variable(elab, by, of)
    if variable is not None:
        elab.locals.append(variable)  # the claim's other side may use it too
        value = elab.expr(of)
        if any(isinstance(e, Gradient) for e in value.walk()):
            second.settled(elab, span)
        if elab.scope.find(variable) is not None:
            raise Problem("SR208", f"'{variable}' counts steps or components; nothing is derived by it", by.span)
        return Gradient(value.shape, value, Local(SCALAR, variable))
    wrt = elab.expr(by)
    value = elab.expr(of)
    return typed_gradient(elab, value, wrt, span, direct)


def local_variable(elab: Elaborator, by: t.Tree, of: t.Tree) -> str | None:
    """A bare letter that no declaration knows: the formula's own variable, as in d/dx tanh x.

    It must stand in what is derived: else it is a name that somebody forgot to declare.
    """
    if not isinstance(by, t.Name) or by.style or elab.context.names.match(by) is not None:
        return None
    if by.text in elab.locals or _itself(by, of):
        return by.text
    if any(s.timed for s in elab.context.names.family(by.text)):
        raise undeclared(elab.context, by)
    raise Problem("SR201", f"'{short(by)}' is not declared", by.span)


def _itself(by: t.Tree, of: t.Tree) -> bool:
    """Whether a letter stands in a formula as itself, not as the letter of a name with scripts."""
    if isinstance(of, t.Script) and head(of) is not None and of.sub is not None:
        parts = [x for x in (of.sub, of.sup) if x is not None]
        return any(_itself(by, x) for x in parts)
    return of == by or any(_itself(by, x) for x in of.children())


def _mentioned(elab: Elaborator, of: Expr, wrt: Ref, direct: bool, span: Span) -> bool:
    """Whether a derivative is by what the definition of ``of`` mentions itself, and it mentions ``wrt``.

    Of what it does not mention, the derivative along all paths is meant; by a parameter, or with ∂^+, nobody knows.
    """
    base = of.body if isinstance(of, Entry) else of
    if not isinstance(base, Ref) or wrt.copy is not None or base == wrt:
        return direct
    context = elab.context
    told = base.time is not None and (base.symbol in context.direct or context.all_direct)
    if (not direct and not told) or not context.defined:  # while definitions are read, nobody knows
        return direct
    printed = context.spelled.get(base.symbol)
    for d in context.defined.get(base.symbol, ()):
        if printed is not None and _count(printed.rhs, wrt.symbol) > _count(d.rhs, wrt.symbol):
            name = wrt.symbol.name.removesuffix("(t)")
            raise Problem("SR190", f"'{name}' stands in an intermediate value too: is that held fixed?", span)
        if any(isinstance(e, Ref) and e.symbol is wrt.symbol for e in d.rhs.walk()) and (direct or base.time is None):
            return True
        if base.time is not None and d.time is not None and d.time.letter is not None:
            rhs = substituted(d.rhs, d.time.letter, base.time.shifted(-d.time.offset))
            if any(isinstance(e, Ref) and (e.symbol, e.time) == (wrt.symbol, wrt.time) for e in rhs.walk()):
                return True
    if direct or (base.symbol in context.direct and not wrt.symbol.timed):
        name = base.symbol.name.removesuffix("(t)")
        raise Problem("SR190", f"the definition of '{name}' does not mention '{wrt.symbol.name}': by which path?", span)
    return False


def _count(e: Expr, symbol: Symbol) -> int:
    return sum(isinstance(x, Ref) and x.symbol is symbol for x in e.walk())


def typed_gradient(elab: Elaborator, of: Expr, wrt: Expr, span: Span, direct: bool = False) -> Expr:
    """The derivative with its shape; the reading «copy» replaces a shared parameter by its copy."""
    base = variable(wrt)
    if isinstance(wrt, Transpose) and of.scalar and isinstance(base, Ref):
        inner = typed_gradient(elab, of, wrt.body, span, direct)
        return Transpose(wrt.shape, inner)
    if isinstance(wrt, Transpose) and isinstance(wrt.body, Ref):
        raise Problem("SR190", "the derivative of a row by a column, or the other way, is not yet understood", span)
    if not isinstance(base, Ref):
        raise Problem(
            "SR208",
            "what stands below is neither a variable nor a component of one: give it a name and define it",
            span,
        )
    direct = smooth.by_argument(of, wrt) or _mentioned(elab, of, base, direct, span)
    if direct and base.copy is not None:
        raise Problem("SR190", "a direct derivative by a copy of a parameter is not yet understood", span)
    if not direct and elab.reading.copy and (step := time_of(of)) is not None and _shared(elab, base):
        base = replace(base, copy=step)
        wrt = part_of(wrt, base)
        elab.condition("copy", f"derivative by {base.symbol.name} read as by its copy at step {_say(step)}")
    slopes = [e for e in of.walk() if isinstance(e, Gradient)]
    copies = any(isinstance(w := variable(e.wrt), Ref) and w.copy is not None for e in slopes)
    if slopes and (direct or copies or base.copy is not None or any(e.direct or second.is_second(e) for e in slopes)):
        raise Problem("SR190", "a derivative of a derivative of this kind is not yet understood", span)
    if slopes:
        second.settled(elab, span)
    if of.scalar:
        return Gradient(wrt.shape, of, wrt, direct=direct)
    if wrt.scalar:
        return Gradient(of.shape, of, wrt, direct=direct)
    if 1 in of.shape and 1 in wrt.shape:
        if (of.shape[1] == 1) != (wrt.shape[1] == 1):
            raise Problem("SR190", "the derivative of a row by a column, or the other way, is not yet understood", span)
        wrt = wrt.body if isinstance(wrt, Transpose) else wrt  # both are rows
        rows = of.shape[0] if of.shape[1] == 1 else of.shape[1]
        cols = wrt.shape[0] if wrt.shape[1] == 1 else wrt.shape[1]
        if elab.context.denominator:
            return Gradient((cols, rows), of, wrt, True, direct)
        return Gradient((rows, cols), of, wrt, direct=direct)
    raise Cubic(of, wrt, direct, span)


def time_of(value: Expr) -> Index | None:
    """The step of a quantity or of a component of one."""
    base = value.body if isinstance(value, Entry) else value
    return base.time if isinstance(base, Ref) else None


def _shared(elab: Elaborator, ref: Ref) -> bool:
    return not ref.symbol.timed and ref.copy is None and ref.symbol not in elab.context.nodes


def _say(index: Index) -> str:
    return str(index).replace("\\", "")
