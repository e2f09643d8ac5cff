r"""What the prose says of quantities and the manifest repeats: definitions, and functions that nothing gives.

A smooth function f of x that the text does not give stands as ``f = f_0 + Σ g ⊙ x`` with quantities f_0 and g of its
own. At any one point there is, for every smooth function, exactly one such with its value and its slope there; and
what a line can say of f, its value and its first derivatives, is no more than these (second ones are refused where a
function is unknown). So a line holds of every smooth function if and only if it holds of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symrnn.claims import Claim, Definition
from symrnn.diagnostic import Problem, UsageError
from symrnn.elaborate.context import Context
from symrnn.elaborate.expression import Elaborator
from symrnn.elaborate.names import head, taken_apart
from symrnn.elaborate.shorthand import rewrite
from symrnn.expr import (
    SCALAR,
    Add,
    Entry,
    Expr,
    Index,
    MatMul,
    Reduce,
    Ref,
    Shape,
    Slice,
    Symbol,
    Times,
    Total,
    Transpose,
    part_of,
    transpose,
    variable,
)
from symrnn.latex import tree as t
from symrnn.latex.parser import parse_expression
from symrnn.latex.printer import short
from symrnn.span import Span


def stated(context: Context, words: frozenset[str]) -> Iterator[tuple[str, Claim]]:
    """The definitions and the unknown functions of the manifest, as claims without a name."""
    manifest = context.manifest
    for loss in manifest.adjoint.values():
        _read(loss, "adjoint", words)
    parts = [("", manifest.let, manifest.unknown), *((s.lines, s.let, s.unknown) for s in manifest.section)]
    for k, (lines, lets, unknowns) in enumerate(parts):
        rules = tuple(r for r in context.rules if r.lines in ("", lines))
        for text in lets:
            tree = _read(text, "let", words)
            if not isinstance(tree, t.Chain) or len(tree.links) != 2 or tree.links[1][0] != "=":
                raise UsageError(f"manifest: let: '{text}' is not one equation")
            lhs, rhs = (rewrite(side, rules) for _, side in tree.links)
            yield f"let '{text}'", Claim("", "definition", lhs, rhs, Span(0, 0), section=k)
        for text in unknowns:
            tree = _read(text, "unknown", words)
            if taken_apart(tree)[1] is None:
                raise UsageError(f"manifest: unknown: '{text}' does not say what it depends on (write J(Y))")
            yield f"unknown '{text}'", Claim("", "unknown", tree, tree, Span(0, 0), section=k)


def _read(text: str, entry: str, words: frozenset[str]) -> t.Tree:
    try:
        return parse_expression(text, words)
    except Problem as problem:
        raise UsageError(f"manifest: {entry}: '{text}': {problem.diagnostic.message}") from problem


def unknown(context: Context, tree: t.Tree, number: str) -> Definition:
    """``f(x, y)``: f as a smooth function of quantities. What nothing declares is a number."""
    lhs, arguments = taken_apart(tree)
    assert arguments is not None
    if head(lhs) is None:
        raise Problem("SR211", f"'{short(lhs)}' is no name", lhs.span)
    elab = Elaborator(context)
    found = context.names.match(lhs)
    if found is None:
        symbol = context.names.declared(lhs, SCALAR)
        assert symbol is not None
        context.names.declare(symbol)
        found = context.names.match(lhs)
    left = elab.quantity(found, lhs.span) if found is not None else None
    if found is not None:
        context.unknown.add(found.symbol)
    if isinstance(left, Entry) and left.row.letter is not None and left.body.shape[1] == 1:
        return _one_of_many(context, elab, left, arguments, number)
    if not isinstance(left, Ref):
        raise Problem("SR211", f"'{short(lhs)}' is no whole quantity", lhs.span)
    given = _arguments(context, elab, arguments)
    terms: list[Expr] = [_hidden(context, f"{left.symbol.name}.0", left.shape, left)]
    terms += [_part(context, left, value, tree) for value in given]
    context.arguments[left.symbol] = arguments
    rhs = Add(left.shape, tuple((1, term) for term in terms))
    return Definition(left.symbol, left.time, None, None, rhs, number)


def _items(tree: t.Tree) -> tuple[t.Tree, ...]:
    return tree.items if isinstance(tree, t.Listing) else (tree,)


def _arguments(context: Context, elab: Elaborator, tree: t.Tree) -> list[Ref]:
    r"""What a function depends on: whole quantities. ``y_i``, and ``y_1, \dots, y_m``, is all of them."""
    dots = any(isinstance(item, t.Dots) for item in _items(tree))
    found: dict[Ref, bool] = {}
    for item in _items(tree):
        if isinstance(item, t.Dots):
            continue
        value = elab.expr(item)
        base = variable(value)
        if not isinstance(base, Ref) or any(
            i.letter is None or i.letter in context.sizes for i in _indices(value) if not dots
        ):
            raise Problem("SR211", f"'{short(item)}' is no quantity with a name of its own", tree.span)
        if dots and base.time is not None:
            base = replace(base, time=Index(context.manifest.steps.index))
        if base in found and not dots:
            raise Problem("SR211", f"'{short(item)}' stands here twice", tree.span)
        found[base] = True
    return list(found)


def _indices(value: Expr) -> Iterator[Index]:
    """The indices of a part of a quantity, but for the only one of a row or column."""
    while isinstance(value, (Entry, Slice, Transpose)):
        match value:
            case Entry():
                yield from (i for i, d in zip((value.row, value.col), value.body.shape, strict=True) if d != 1)
            case Slice():
                yield value.index
        value = value.body


def _one_of_many(context: Context, elab: Elaborator, left: Entry, arguments: t.Tree, number: str) -> Definition:
    """``f_i(x_i)``: the i-th number depends on the i-th of what there is as many of."""
    base = variable(left)
    assert isinstance(base, Ref)
    given = [elab.expr(item) for item in _items(arguments)]
    terms: list[Expr] = [part_of(left, _hidden(context, f"{base.symbol.name}.0", base.shape, base))]
    for value in given:
        whole = variable(value)
        if not isinstance(whole, Ref) or list(_indices(value))[:1] != [left.row] or given.count(value) > 1:
            raise Problem("SR211", "a function that is many depends on what there is as many of", arguments.span)
        name = f"∂{base.symbol.name}/∂{whole.symbol.name}".replace("(t)", "")
        slope = part_of(value, _hidden(context, name, whole.shape, whole))
        terms.append(Total(SCALAR, Times(value.shape, slope, value)))
    context.arguments[base.symbol] = arguments
    rhs = Add(SCALAR, tuple((1, term) for term in terms))
    return Definition(base.symbol, base.time, left.row, left.col, rhs, number)


def _hidden(context: Context, name: str, shape: Shape, at: Ref) -> Ref:
    """A quantity that no line can print, with a step where ``at`` has one."""
    generic = at.time is not None and at.time.letter is not None and not context.fixed(at.time.letter)
    symbol = Symbol(name, "", "", shape, "sub" if generic else "")
    context.names.declare(symbol)
    return Ref(shape, next(s for s in context.names.symbols if s.key == name), at.time if generic else None)


def _part(context: Context, left: Ref, value: Ref, tree: t.Tree) -> Expr:
    """The linear part by one argument: over all steps, where it has steps and the function has none."""
    step = value.time.letter if value.time is not None else None
    over = left.time is None and step is not None and not context.fixed(step)
    if left.time is not None and value.time is not None and left.time.letter != value.time.letter:
        raise Problem("SR190", f"the steps of '{short(tree)}' differ, which is not yet understood", tree.span)
    name = f"∂{left.symbol.name}/∂{value.symbol.name}".replace("(t)", "")
    at = value if left.time is None else left
    rows, cols = left.shape
    if left.scalar or value.scalar:
        slope = _hidden(context, name, value.shape if left.scalar else left.shape, at)
        part: Expr = Times(slope.shape, slope, value)
        part = part if slope.shape == left.shape else Total(SCALAR, part)
    elif 1 in left.shape and 1 in value.shape:
        column: Expr = value if value.shape[1] == 1 else transpose(value)
        slope = _hidden(context, name, (rows if cols == 1 else cols, column.shape[0]), at)
        part = MatMul((slope.shape[0], 1), slope, column)
        part = part if cols == 1 else transpose(part)
    else:
        raise Problem("SR190", f"the slope of '{short(tree)}' has more than two indices", tree.span)
    if not over:
        return part
    assert step is not None
    steps = context.manifest.steps
    return Reduce(left.shape, "sum", step, Index(None, steps.first), Index(steps.last), part, timed=True)
