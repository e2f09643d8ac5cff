r"""Dots that stand for the terms or entries between two that are printed.

``a_1 x_1 + \cdots + a_n x_n`` is Σ_k a_k x_k: the first and the last term must differ in nothing but indices, all
by the same distance, and every other term that is printed must be the one that belongs in its place. The same of
factors. Anything else is left open. (Dots in matrices: ``dots``.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate.scope import to_index
from symrnn.expr import Index
from symrnn.latex import tree as t

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator

_LETTERS = ("k", "l", "m", "j", "i", "p", "q", "r", "s", "\\kappa", "\\lambda", "\\mu", "\\nu")
Pair = tuple[Index, Index]  # an index as it stands in the first and in the last term


def has_dots(trees: Sequence[t.Tree]) -> bool:
    """Whether dots are one of several things side by side."""
    return any(isinstance(x, t.Dots) for x in trees)


def summed(elab: Elaborator, tree: t.Additive) -> t.Tree:
    """A sum with dots among its terms, as Σ; what stands before the first term of the pattern goes on."""
    terms = list(tree.terms)
    places = [k for k, (_, term) in enumerate(terms) if isinstance(term, t.Dots)]
    if len(places) != 1 or not 0 < places[0] < len(terms) - 1:
        raise _unfilled(tree)
    k = places[0]
    if k + 2 != len(terms) or any((sign or "+") != (terms[k][0] or "+") for sign, _ in terms[1:]):
        raise _unfilled(tree)
    if (terms[0][0] or "+") != (terms[k][0] or "+"):
        raise _unfilled(tree)
    body = _big(elab, "\\sum", [x for _, x in terms], k, tree)
    return body if terms[k][0] != "-" else t.Additive((("-", body),), span=tree.span)


def multiplied(elab: Elaborator, tree: t.Product) -> t.Tree:
    """A product with dots among its factors, as Π."""
    factors = [x for _, x in tree.factors]
    places = [k for k, x in enumerate(factors) if isinstance(x, t.Dots)]
    if (
        len(places) != 1
        or not 0 < places[0] == len(factors) - 2
        or any(op not in ("", "\\cdot") for op, _ in tree.factors)
    ):
        raise _unfilled(tree)
    return _big(elab, "\\prod", factors, places[0], tree)


# -- patterns -------------------------------------------------------------------------------------


def _unfilled(tree: t.Tree) -> Problem:
    return Problem("SR190", "the dots are read, but what they stand for is not clear", tree.span)


def _big(elab: Elaborator, op: str, parts: list[t.Tree], k: int, tree: t.Tree) -> t.Tree:
    letter = _fresh(elab, tree)
    body, low, high = _pattern(parts, k, letter, tree)
    if _downward(low, high):
        low, high = high, low
    limits = t.Chain((("", t.Name(letter)), ("=", _tree(low))))
    return t.Big(op, limits, _tree(high), body, span=tree.span)


def _downward(low: Index, high: Index) -> bool:
    """Whether a pattern counts down: from 5 to 1, from t to 1, from t to t − 3."""
    if low.letter == high.letter:
        return low.offset > high.offset
    return high.letter is None


def _pattern(parts: list[t.Tree], k: int, letter: str, tree: t.Tree) -> tuple[t.Tree, Index, Index]:
    """The general term, with ``letter`` as its index, and the indices at the two ends; the dots are part ``k``."""
    first, last = parts[0], parts[-1]
    pairs: list[Pair] = []
    merged = _merged(first, last, letter, pairs)
    if merged is None or not pairs:
        raise _unfilled(tree)
    low, high = pairs[0]
    if low == high or not all(_beside(pair, pairs[0]) for pair in pairs):
        raise _unfilled(tree)
    step = -1 if _downward(low, high) else 1
    places = [(j, low.shifted(step * j)) for j in range(1, k)]
    places += [(-j, high.shifted(-step * (j - 1))) for j in range(2, len(parts) - k)]
    for j, index in places:
        if not _agree(_placed(merged, letter, index), parts[j]):
            raise _unfilled(tree)
    return merged, low, high


def _beside(pair: Pair, base: Pair) -> bool:
    """Whether two indices keep their distance from the first term to the last."""
    gaps = {(a.letter == b.letter, a.offset - b.offset) for a, b in zip(pair, base, strict=True)}
    return len(gaps) == 1 and all(same for same, _ in gaps)


def _merged(a: t.Tree, b: t.Tree, letter: str, pairs: list[Pair]) -> t.Tree | None:
    """What two trees have in common, with ``letter`` where they differ in an index; None if they differ otherwise."""
    if a == b:
        return a
    while isinstance(a, t.Stand) and isinstance(b, t.Stand):
        a, b = a.body, b.body
    a, b = _split(a, b), _split(b, a)
    one, two = to_index(a), to_index(b)
    if one is not None and two is not None and not isinstance(a, t.Fence):
        pairs.append((one, two))
        shift = one.offset - pairs[0][0].offset
        name = t.Name(letter, span=a.span)
        return name if not shift else _tree(Index(letter, shift))
    if type(a) is not type(b):
        return None
    changes = []
    for name_ in a.__match_args__:
        part = _merged_field(getattr(a, name_), getattr(b, name_), letter, pairs)
        if part is None and getattr(a, name_) is not None:
            return None
        changes.append(part)
    return type(a)(*changes, span=a.span)


def _merged_field(a: object, b: object, letter: str, pairs: list[Pair]) -> object:
    if isinstance(a, t.Tree) and isinstance(b, t.Tree):
        return _merged(a, b, letter, pairs)
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        parts = tuple(_merged_field(x, y, letter, pairs) for x, y in zip(a, b, strict=True))
        return None if any(p is None and x is not None for p, x in zip(parts, a, strict=True)) else parts
    return a if a == b else None


def _split(a: t.Tree, b: t.Tree) -> t.Tree:
    """``11`` beside ``1n``: two digits are two indices."""
    if isinstance(a, t.Num) and len(a.text) == 2 and isinstance(b, t.Product) and len(b.factors) == 2:
        return t.Product(tuple(("", t.Num(digit, span=a.span)) for digit in a.text), span=a.span)
    return a


def _agree(a: t.Tree, b: t.Tree) -> bool:
    """Whether two trees are alike, indices by what they are."""
    pairs: list[Pair] = []
    return _merged(a, b, "", pairs) is not None and all(x == y for x, y in pairs)


def _placed(tree: t.Tree, letter: str, index: Index) -> t.Tree:
    """A pattern at one index."""
    found = to_index(tree)
    if found is not None:
        return tree if found.letter != letter else _tree(index.shifted(found.offset))
    return t.rebuilt(tree, lambda part: _placed(part, letter, index))


def _tree(index: Index) -> t.Tree:
    if index.letter is None:
        return t.Num(str(index.offset)) if index.offset >= 0 else t.Additive((("-", t.Num(str(-index.offset))),))
    name = t.Name(index.letter)
    if not index.offset:
        return name
    return t.Additive((("", name), ("+" if index.offset > 0 else "-", t.Num(str(abs(index.offset))))))


def _fresh(elab: Elaborator, tree: t.Tree) -> str:
    """A letter that means nothing here."""
    used = {x.text for x in tree.walk() if isinstance(x, t.Name)}
    known = {*elab.context.sizes, elab.context.manifest.steps.index, elab.context.manifest.steps.last}
    for letter in _LETTERS:
        free = letter not in used and letter not in known and elab.scope.find(letter) is None
        if free and elab.context.names.match(t.Name(letter)) is None:
            return letter
    raise Problem("SR190", "no letter is left for what the dots stand for", tree.span)
