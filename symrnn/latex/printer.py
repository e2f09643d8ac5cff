"""Tree to LaTeX, so that ``parse(print(tree)) == tree``: what a person reads as «read as …»."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from symrnn.latex import notation as n
from symrnn.latex import tree as t

_ATOMS = (
    t.Num,
    t.Name,
    t.Word,
    t.Fence,
    t.Frac,
    t.Sqrt,
    t.Matrix,
    t.Accent,
    t.Dots,
    t.Script,
    t.Brace,
    t.Decor,
)


def latex(tree: t.Tree) -> str:
    """The LaTeX of a tree."""
    return _tidy(_print(tree))


def short(tree: t.Tree) -> str:
    """The LaTeX of a tree, cut to fit into a sentence."""
    text = latex(tree)
    return text if len(text) <= 60 else text[:57] + "…"


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _print(tree: t.Tree) -> str:
    return _PRINTERS[type(tree)](tree)


def _name(x: t.Name) -> str:
    if x.text in n.BINARY:
        return f"{{{x.text}}}"  # a sign that stands for itself
    if not x.style:
        return x.text + " " if x.text.startswith("\\") else x.text
    command = n.STYLE_PRINT[x.style]
    if x.style == "bold" and x.text.startswith("\\"):
        command = "boldsymbol"
    return f"\\{command}{{{x.text}}}"


def _word(x: t.Word) -> str:
    return f"\\operatorname{{{x.text}}}"


def _script(x: t.Script) -> str:
    base = _print(x.base)
    if not isinstance(x.base, (*_ATOMS, t.Call)) or isinstance(x.base, (t.Script, t.Brace)):
        base = f"{{{base}}}"
    out = base.rstrip() + "'" * x.primes
    if x.sub is not None:
        out += f"_{{{_print(x.sub)}}}"
    if x.sup is not None:
        out += f"^{{{_print(x.sup)}}}"
    return out


_TALL = (t.Frac, t.Big, t.Matrix, t.Brace, t.Sqrt)


def _fence(x: t.Fence) -> str:
    plain = x.open in ("(", "[") and x.close in (")", "]") and not any(isinstance(n, _TALL) for n in x.body.walk())
    if plain:
        return f"{x.open}{_print(x.body)}{x.close}"
    return f"\\left{x.open} {_print(x.body)} \\right{x.close}"


def _listing(x: t.Listing) -> str:
    out = _print(x.items[0])
    for sep, item in zip(x.seps, x.items[1:], strict=True):
        mark = "\\mid" if sep == "|" else sep
        out += f" {mark} " + _print(item)
    return out


def _matrix(x: t.Matrix) -> str:
    columns = "{" + "c" * max(map(len, x.rows), default=0) + "}" if x.env == "array" else ""
    rows = " \\\\ ".join(" & ".join(map(_print, row)) for row in x.rows)
    return f"\\begin{{{x.env}}}{columns} {rows} \\end{{{x.env}}}"


def _call(x: t.Call) -> str:
    arg = _print(x.arg)
    if isinstance(x.arg, (t.Additive, t.Chain, t.Listing)):
        arg = f"{{{arg}}}"
    return f"{_print(x.fn).rstrip()} {arg}"


def _big(x: t.Big) -> str:
    out = x.op
    if x.sub is not None:
        out += f"_{{{_print(x.sub)}}}"
    if x.sup is not None:
        out += f"^{{{_print(x.sup)}}}"
    return f"{out} {_print(x.body)}"


def _brace(x: t.Brace) -> str:
    label = "" if x.label is None else ("_" if x.kind == "underbrace" else "^") + f"{{{_print(x.label)}}}"
    return f"\\{x.kind}{{{_print(x.body)}}}{label}"


def _decor(x: t.Decor) -> str:
    base = "" if isinstance(x.base, t.Empty) else f"{{{_print(x.base)}}}"
    return f"\\{x.kind}{{{_print(x.note)}}}{base}"


def _additive(x: t.Additive) -> str:
    first, *rest = ((sign, _wrap(term, (t.Additive, t.Chain))) for sign, term in x.terms)
    return first[0] + first[1] + "".join(f" {sign} {text}" for sign, text in rest)


def _product(x: t.Product) -> str:
    if all(not op and isinstance(f, t.Num | t.Name) for op, f in x.factors) and not _meet(x):
        return "".join(_print(f) for _, f in x.factors)
    level = max((n.BINARY.get(op, n.PRODUCT) for op, _ in x.factors[1:]), default=n.PRODUCT)
    out = []
    for k, (op, factor) in enumerate(x.factors):
        signed = isinstance(factor, t.Additive) and len(factor.terms) == 1 and op and k
        text = _print(factor) if signed else _factor(factor, level, k == len(x.factors) - 1)
        out.append(f"{op} {text}" if op else text)
    return " ".join(out)


def _meet(x: t.Product) -> bool:
    """Whether two factors printed without a space would read as one number or one word."""
    return any(type(a) is type(b) for (_, a), (_, b) in pairwise(x.factors))


def _factor(tree: t.Tree, level: int, last: bool) -> str:
    loose = isinstance(tree, t.Product) and (
        level == n.PRODUCT or any(n.BINARY.get(op) == n.HADAMARD for op, _ in tree.factors)
    )
    greedy = isinstance(tree, t.Big) or (isinstance(tree, t.Call) and not _bracketed(tree))
    if loose or isinstance(tree, (t.Additive, t.Chain, t.Listing)) or (greedy and not last):
        return f"{{{_print(tree)}}}"
    return _print(tree)


def _bracketed(tree: t.Call) -> bool:
    return isinstance(tree.arg, t.Fence) and tree.arg.open in ("(", "[")


def _wrap(tree: t.Tree, kinds: tuple[type[t.Tree], ...]) -> str:
    text = _print(tree)
    return f"{{{text}}}" if isinstance(tree, kinds) else text


def _chain(x: t.Chain) -> str:
    return " ".join(f"{relation} {_wrap(side, (t.Chain,))}".strip() for relation, side in x.links)


def _prose(x: t.Prose) -> str:
    return x.text if x.text.startswith("\\") else f"\\text{{{x.text}}}"


def _statements(x: t.Statements) -> str:
    return ", \\quad ".join(map(_print, x.items))


_PRINTERS: dict[type[t.Tree], Callable[[Any], str]] = {
    t.Empty: lambda x: "{}",
    t.Num: lambda x: x.text,
    t.Name: _name,
    t.Word: _word,
    t.Dots: lambda x: x.text + " ",
    t.Accent: lambda x: f"\\{x.kind}{{{_print(x.body)}}}",
    t.Script: _script,
    t.Frac: lambda x: f"\\frac{{{_print(x.num)}}}{{{_print(x.den)}}}",
    t.Sqrt: lambda x: "\\sqrt" + ("" if x.index is None else f"[{_print(x.index)}]") + f"{{{_print(x.body)}}}",
    t.Fence: _fence,
    t.Listing: _listing,
    t.Matrix: _matrix,
    t.Call: _call,
    t.Big: _big,
    t.Brace: _brace,
    t.Decor: _decor,
    t.Additive: _additive,
    t.Product: _product,
    t.Chain: _chain,
    t.Stand: lambda x: _print(x.written),
    t.Prose: _prose,
    t.Statements: _statements,
}
