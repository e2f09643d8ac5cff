"""Named functions: elementwise ones from the table, softmax, diag, trace, and the manifest's constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symrnn.algebra.functions import TABLE
from symrnn.diagnostic import Problem
from symrnn.elaborate import contraction, derivative, primes, smooth
from symrnn.elaborate.names import spaces
from symrnn.expr import SCALAR, Apply, Constant, Diag, Expr, Softmax, Trace, power, show_shape
from symrnn.latex import notation as n
from symrnn.latex import tree as t
from symrnn.latex.printer import short
from symrnn.span import Span

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator

NOT_YET = "SR190"


def call(elab: Elaborator, fn: t.Tree, arg: t.Tree, span: Span) -> Expr:
    """A named function of a bracket or of the factors beside it."""
    exponent: t.Tree | None = None
    base = fn
    if isinstance(fn, t.Script):
        base, exponent = fn.base, fn.sup
        if fn.sub is not None:
            raise Problem(NOT_YET, f"'{short(fn)}' is not yet understood as a function", fn.span)
    text = base.text.removeprefix("\\") if isinstance(base, (t.Name, t.Word)) else ""
    name = n.WORDS.get(text, text)
    known = elab.context.names.match(fn) is not None or elab.context.names.match(base) is not None
    if known or smooth.functions(elab.context, fn):
        return elab.expr(t.Product((("", fn), ("", arg)), span=span))
    bracketed = isinstance(arg, t.Product) and any(isinstance(f, t.Fence) for _, f in arg.factors[1:])
    if bracketed and not derivative.one_application(elab, arg):
        raise Problem(NOT_YET, f"how far does '{short(fn)}' reach in '{short(arg)}'?", span)
    declared = elab.context.manifest.functions.get(text)
    name = declared or name
    if name == "prod" and isinstance(arg, t.Fence) and isinstance(arg.body, t.Listing) and exponent is None:
        return contraction.composed(elab, arg.body.items, span)
    order = fn.primes if isinstance(fn, t.Script) else 0
    value = apply(elab, "ln" if name == "log" else name, arg, base, span, order)
    if exponent is None:
        return value
    if isinstance(exponent, t.Additive) and exponent.terms[0][0] == "-":
        raise Problem(NOT_YET, f"'{short(fn)}' may be the inverse function or one over it", fn.span)
    return power(value, elab.scalar(exponent))


def apply(elab: Elaborator, name: str, arg: t.Tree, fn: t.Tree, span: Span, order: int = 0) -> Expr:
    """A function by its canonical name, derived ``order`` times."""
    if name not in TABLE and name not in ("softmax", "diag", "tr", "eye", "ones"):
        if name in n.WORDS.values() or name in n.FUNCTIONS:
            raise Problem(NOT_YET, f"the function '{name}' is not yet understood", fn.span)
        raise Problem("SR201", f"'{short(fn)}' is neither a declared name nor a known function", fn.span)
    if name in ("eye", "ones"):
        return constant(name, arg, span)
    value = elab.expr(arg)
    if order:
        return primes.derived(name, order, value, span)
    if name in TABLE:
        return Apply(value.shape, name, value)
    if name == "softmax":
        return Softmax(value.shape, value)
    if name == "tr":
        if not elab.same(value.shape[:1] * 2, value.shape):
            raise Problem("SR301", f"a {show_shape(value.shape)} matrix is not square, it has no trace", span)
        return Trace(SCALAR, value)
    if value.shape[1] != 1 and value.shape[0] != 1:
        raise Problem("SR302", f"diag takes a vector, '{short(arg)}' is {show_shape(value.shape)}", arg.span)
    size = value.shape[0] if value.shape[1] == 1 else value.shape[1]
    return Diag((size, size), value)


def constant(kind: str, arg: t.Tree, span: Span) -> Expr:
    """``eye(n)`` and ``ones(m, n)``, the words that manifests use."""
    inner = arg.body if isinstance(arg, t.Fence) else arg
    pieces = inner.items if isinstance(inner, t.Listing) else (inner,)
    if len(pieces) == 1:
        pieces = (pieces[0], pieces[0] if kind == "eye" else t.Num("1"))
    dims = [spaces(t.Script(t.Name("R"), None, p)) for p in pieces]
    if len(dims) != 2 or dims[0] is None or dims[1] is None:
        raise Problem("SR302", f"'{kind}' takes one or two sizes", span)
    return Constant((dims[0][0], dims[1][0]), kind)
