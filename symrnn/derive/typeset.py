"""Typed expressions to LaTeX in the names and styles of the document, as an author would type it.

What is printed is read again to the same expression: every bracket that the reader needs is there, and no other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symrnn.checker import Checker
from symrnn.derive.names import Spelling
from symrnn.derive.tables import Braced
from symrnn.expr import (
    Add,
    Apply,
    Constant,
    Count,
    Delta,
    Diag,
    Divide,
    Entry,
    Expr,
    Gradient,
    Index,
    Local,
    MatMul,
    Number,
    Power,
    Reduce,
    Ref,
    Softmax,
    Table,
    Times,
    Total,
    Trace,
    Transpose,
)
from symrnn.general.form import Abstain

SUM, HADAMARD, PRODUCT, ATOM = 1, 2, 3, 4
_TALL = ("\\frac", "\\sum", "\\left(")


class Typesetter:
    """LaTeX of expressions. ``fractions``: gradients of vectors as ∂L/∂x instead of ∇_x L."""

    def __init__(self, checker: Checker, fractions: bool = False) -> None:
        self.names = Spelling(checker)
        self.fractions = fractions

    def __call__(self, e: Expr, level: int = SUM, last: bool = True) -> str:
        """The LaTeX of an expression where operators of at least ``level`` may stand; ``last``: nothing follows."""
        own, text, greedy = _CASES[type(e)](self, e)
        if own < level or (greedy and not last):
            return bracketed(text)
        return str(text)

    def scripted(self, base: Expr, sup: str) -> str:
        """A base with something above it, in brackets if it is not a plain name."""
        if isinstance(base, (Ref, Entry)):
            plain = self.names.raised(base, sup)
            if plain is not None:
                return plain
        text = self(base)
        if isinstance(base, Constant):
            return f"{text}^{braced(sup)}"
        inner = text if isinstance(base, (Number,)) and text.isdigit() else bracketed(text)
        return f"{inner}^{braced(sup)}"


def bracketed(text: str) -> str:
    """In round brackets that are as tall as what they hold."""
    return f"\\left({text}\\right)" if any(x in text for x in _TALL) else f"({text})"


def braced(text: str) -> str:
    """A script in braces, unless it is one character."""
    return text if len(text) == 1 else f"{{{text}}}"


Piece = tuple[int, str, bool]  # how tightly it binds, its text, whether it swallows what follows


def _add(ts: Typesetter, e: Add) -> Piece:
    out = ""
    for k, (sign, x) in enumerate(e.terms):
        text = ts(x, HADAMARD, True)
        if text.startswith("-"):
            sign, text = -sign, text[1:].lstrip()
        out += ("-" if sign < 0 else "") + text if not k else (" - " if sign < 0 else " + ") + text
    return SUM, out, False


def _factors(e: Expr) -> list[Expr]:
    if isinstance(e, MatMul):
        return [*_factors(e.left), *_factors(e.right)]
    if isinstance(e, Times) and (e.left.scalar or e.right.scalar):
        return [*_factors(e.left), *_factors(e.right)]
    return [e]


def _product(ts: Typesetter, e: Expr) -> Piece:
    factors = _factors(e)
    out = ""
    for k, x in enumerate(factors):
        end = k == len(factors) - 1
        text = ts(x, ATOM, end)
        if isinstance(x, Reduce) and end:
            text = ts(x, PRODUCT, True)
        out = f"{out} {text}" if out else text
    return PRODUCT, out, isinstance(factors[-1], (Reduce, Gradient))


def _times(ts: Typesetter, e: Times) -> Piece:
    if e.left.scalar or e.right.scalar:
        return _product(ts, e)
    parts = []
    for x, end in ((e.left, False), (e.right, True)):
        same = isinstance(x, Times) and not (x.left.scalar or x.right.scalar)
        parts.append(ts(x, HADAMARD if same else ATOM, end))
    return HADAMARD, f"{parts[0]} \\odot {parts[1]}", False


def _gradient(ts: Typesetter, e: Gradient) -> Piece:
    if isinstance(e.wrt, Local):
        return PRODUCT, f"\\frac{{d}}{{d{e.wrt.name}}} {ts(e.of, ATOM)}", True
    if not isinstance(e.of, (Ref, Entry)):
        whole = ts(e.of, ATOM) if not isinstance(e.of, Reduce) else ts(e.of, PRODUCT)
        return PRODUCT, f"\\frac{{\\partial}}{{\\partial {ts(e.wrt)}}} {whole}", True
    of, wrt = ts(e.of), ts(e.wrt)
    if ts.fractions or e.wrt.scalar or (1 in e.wrt.shape and not e.of.scalar):
        return ATOM, f"\\frac{{\\partial {of}}}{{\\partial {wrt}}}", False
    return ATOM, f"\\nabla_{{{wrt}}} {of}", True


def _reduce(ts: Typesetter, e: Reduce) -> Piece:
    sign = "\\sum" if e.op == "sum" else "\\prod"
    body = ts(e.body, PRODUCT, True)
    return PRODUCT, f"{sign}_{{{e.letter}={show(e.low)}}}^{braced(show(e.high))} {body}", True


def _power(ts: Typesetter, e: Power) -> Piece:
    exponent = ts(e.exponent)
    if isinstance(e.exponent, Number) and e.exponent.value == 1 / type(e.exponent.value)(2):
        return ATOM, f"\\sqrt{{{ts(e.base)}}}", False
    if isinstance(e.base, Apply):
        return ATOM, _applied(ts, e.base, f"^{braced(exponent)}"), False
    return ATOM, ts.scripted(e.base, exponent), False


def _applied(ts: Typesetter, e: Apply, sup: str = "") -> str:
    name = ts.names.function(e.function)
    if not name.startswith("\\") or name.startswith("\\sigma"):
        return f"{name}{bracketed(ts(e.body))}{sup}"
    return f"{name}{sup}{bracketed(ts(e.body))}"


def _apply(ts: Typesetter, e: Apply) -> Piece:
    return ATOM, _applied(ts, e), False


def _transpose(ts: Typesetter, e: Transpose) -> Piece:
    return ATOM, ts.scripted(e.body, ts.names.transpose), False


def _number(ts: Typesetter, e: Number) -> Piece:
    q = e.value
    text = str(abs(q.numerator)) if q.denominator == 1 else f"\\frac{{{abs(q.numerator)}}}{{{q.denominator}}}"
    return (ATOM, text, False) if q >= 0 else (SUM, f"-{text}", False)


def _divide(ts: Typesetter, e: Divide) -> Piece:
    return ATOM, f"\\frac{{{ts(e.left)}}}{{{ts(e.right)}}}", False


def _delta(ts: Typesetter, e: Delta) -> Piece:
    return ATOM, ts.names.delta(show(e.one), show(e.two)), False


def _table(ts: Typesetter, e: Table) -> Piece:
    rows = " \\\\ ".join(" & ".join(map(ts, row)) for row in e.rows)
    return ATOM, f"\\begin{{pmatrix}} {rows} \\end{{pmatrix}}", False


def _braced(ts: Typesetter, e: Braced) -> Piece:
    return ATOM, f"\\underbrace{{{ts(e.body, PRODUCT)}}}_{{{ts(e.label)}}}", False


def _ones(ts: Typesetter, e: Constant) -> Piece:
    if e.kind != "ones" or e.shape[1] != 1:
        raise Abstain("a constant matrix")
    return ATOM, f"\\mathbf{{1}}_{braced(str(e.shape[0]))}", False


def _total(ts: Typesetter, e: Total) -> Piece:
    body = e.body
    if isinstance(body, Power) and body.exponent == Number((1, 1), type(body.exponent.value)(2)):  # type: ignore[attr-defined]
        return ATOM, f"\\|{ts(body.base)}\\|^2", False
    raise Abstain("the sum of all entries of an expression")


def show(index: Index) -> str:
    """An index or a step: t+1."""
    if index.letter is None:
        return str(index.offset)
    return index.letter + (f"{index.offset:+d}" if index.offset else "")


_CASES: dict[type[Expr], Callable[[Typesetter, Any], Piece]] = {
    Number: _number,
    Count: lambda ts, e: (SUM if e.index.offset else ATOM, show(e.index), False),
    Ref: lambda ts, e: (ATOM, ts.names.whole(e), False),
    Entry: lambda ts, e: (ATOM, ts.names.entry(e), False),
    Add: _add,
    MatMul: _product,
    Times: _times,
    Divide: _divide,
    Power: _power,
    Transpose: _transpose,
    Diag: lambda ts, e: (ATOM, f"{ts.names.diag}{bracketed(ts(e.body))}", False),
    Apply: _apply,
    Softmax: lambda ts, e: (ATOM, f"{ts.names.softmax}{bracketed(ts(e.body))}", False),
    Total: _total,
    Trace: lambda ts, e: (ATOM, f"\\operatorname{{tr}}{bracketed(ts(e.body))}", False),
    Reduce: _reduce,
    Delta: _delta,
    Gradient: _gradient,
    Local: lambda ts, e: (ATOM, e.name, False),
    Table: _table,
    Braced: _braced,
    Constant: _ones,
}
