"""Quantities that a document does not settle: nothing is proved or refuted of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from symrnn.claims import Definition, Typed
from symrnn.expr import Entry, Expr, Gradient, Ref, Slice, Symbol, Transpose


class Unsettled:
    """What failed lines leave open, and what nothing says the dependence of."""

    def __init__(self, failed: Mapping[Symbol, str], definitions: Sequence[Definition]) -> None:
        self.open = _spread(failed, definitions)
        self.known = _symbols(definitions)

    def why(self, typed: Typed, given: Sequence[Definition]) -> str | None:
        """Why a claim cannot be judged under the assumptions ``given``: it speaks of a quantity that a failed line
        should settle, or of one computed from such a quantity; or it derives a quantity of which nothing says what
        it is computed from, so that the derivative would be 0 whatever the author means.
        """
        for side in (typed.lhs, typed.rhs, *(d.rhs for d in given)):
            for e in side.walk():
                if isinstance(e, Ref) and (why := self.open.get(e.symbol)) is not None:
                    return f"'{_name(e.symbol)}' is open here: {why}"
        known = self.known | _symbols(given)
        for side in (typed.lhs, typed.rhs):
            for e in side.walk():
                if isinstance(e, Gradient):
                    of, wrt = _whole(e.of), _whole(e.wrt)
                    if isinstance(of, Ref) and isinstance(wrt, Ref) and of.symbol not in known | {wrt.symbol}:
                        return f"nothing says what '{_name(of.symbol)}' is computed from, and it is derived here"
        return None

    def introduces(self, typed: Typed) -> str | None:
        """Whether a claim may be meant as the definition of what stands alone on its left, and nothing else knows."""
        left = typed.lhs
        if not isinstance(left, Ref) or not self.known or left.symbol in self.known:
            return None
        if any(isinstance(e, Ref) and e.symbol is left.symbol for e in typed.rhs.walk()):
            return None
        return f"nothing defines '{_name(left.symbol)}': is it defined here? Then the manifest should say so"


def _name(symbol: Symbol) -> str:
    return symbol.name.removesuffix("(t)")


def _symbols(definitions: Iterable[Definition]) -> set[Symbol]:
    """What definitions compute, and what they compute it from."""
    used = (e.symbol for d in definitions for e in d.rhs.walk() if isinstance(e, Ref))
    return {*used, *(d.symbol for d in definitions)}


def _whole(e: Expr) -> Expr:
    while isinstance(e, (Entry, Slice, Transpose)):
        e = e.body
    return e


def _spread(failed: Mapping[Symbol, str], definitions: Iterable[Definition]) -> dict[Symbol, str]:
    """The quantities that no line settles, with those computed from them."""
    found = dict(failed)
    while True:
        more = {
            d.symbol: found[e.symbol]
            for d in definitions
            if d.symbol not in found
            for e in d.rhs.walk()
            if isinstance(e, Ref) and e.symbol in found
        }
        if not more:
            return found
        found |= more
