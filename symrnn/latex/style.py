"""The style of a group, ``\\mathbf{A X B}``, spread over the letters in it."""

from __future__ import annotations

from symrnn.latex.tree import Accent, Additive, Name, Num, Product, Script, Tree


def restyle(tree: Tree, style: str) -> Tree:
    """Style every letter and digit of a styled group."""
    match tree:
        case Name(text, "") if style:
            return Name(text, style, span=tree.span)
        case Num(text) if style:
            return Name(text, style, span=tree.span)
        case Product(factors):
            return Product(tuple((op, restyle(f, style)) for op, f in factors), span=tree.span)
        case Additive(terms):
            return Additive(tuple((s, restyle(t, style)) for s, t in terms), span=tree.span)
        case Script(base, sub, sup, primes):
            return Script(restyle(base, style), sub, sup, primes, span=tree.span)
        case Accent(kind, body):
            return Accent(kind, restyle(body, style), span=tree.span)
        case _:
            return tree
