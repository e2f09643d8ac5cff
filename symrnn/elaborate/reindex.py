r"""Sums that count backward: ``\sum_{i=t}^T W^{T-i} x_{T+t-i}`` is ``\sum_{i=t}^T W^{i-t} x_i``.

Where an index is A − i with more letters in A than an index has, A − i stands for i everywhere, in the limits too.
"""

from __future__ import annotations

from symrnn.elaborate.scope import to_index
from symrnn.latex import tree as t

Linear = dict[str, int]  # letters with their numbers of times; "" for what is added


def reindexed(tree: t.Big) -> t.Big:
    """The sum with its letter exchanged, where that is what it takes to read its indices."""
    match tree.sub:
        case t.Chain((("", t.Name(letter, "")), ("=", low))) if tree.op == "\\sum" and tree.sup is not None:
            limits = _linear(low), _linear(tree.sup)
        case _:
            return tree
    turn = next((form for form in _unread(tree.body) if form.get(letter) == -1), None)
    if turn is None or limits[0] is None or limits[1] is None:
        return tree
    turn = {k: v for k, v in turn.items() if k != letter}
    first, last = _minus(turn, limits[1]), _minus(turn, limits[0])
    sub = t.Chain((("", t.Name(letter)), ("=", _tree(first))), span=tree.sub.span)
    return t.Big(tree.op, sub, _tree(last), _exchanged(tree.body, letter, turn), span=tree.span)


def _unread(tree: t.Tree) -> list[Linear]:
    """The subscripts that are sums of letters, but no index."""
    found = []
    for node in tree.walk():
        if isinstance(node, t.Script) and isinstance(node.sub, t.Additive) and to_index(node.sub) is None:
            form = _linear(node.sub)
            if form is not None:
                found.append(form)
    return found


def _exchanged(tree: t.Tree, letter: str, turn: Linear) -> t.Tree:
    form = _linear(tree)
    if form is not None and form.get(letter):
        new = _minus({k: v for k, v in form.items() if k != letter}, {k: -form[letter] * v for k, v in turn.items()})
        new[letter] = new.get(letter, 0) - form[letter]
        made = _tree({k: v for k, v in new.items() if v})
        return made if isinstance(tree, t.Additive) or not isinstance(made, t.Additive) else t.Fence("(", made, ")")
    if isinstance(tree, t.Script):
        base, sub, sup = (None if x is None else _exchanged(x, letter, turn) for x in (tree.base, tree.sub, tree.sup))
        assert base is not None
        return t.Script(base, _bare(sub), _bare(sup), tree.primes, span=tree.span)
    return t.rebuilt(tree, lambda part: _exchanged(part, letter, turn))


def _bare(tree: t.Tree | None) -> t.Tree | None:
    """A script needs no bracket of ours."""
    return tree.body if isinstance(tree, t.Fence) and isinstance(tree.body, t.Additive) else tree


def _linear(tree: t.Tree) -> Linear | None:
    """A tree as a sum of letters and numbers."""
    index = to_index(tree)
    if index is not None:
        found = {index.letter: 1} if index.letter is not None else {}
        return {**found, "": index.offset} if index.offset else found
    if not isinstance(tree, t.Additive):
        return None
    total: Linear = {}
    for sign, term in tree.terms:
        part = _linear(term)
        if part is None or sign not in ("", "+", "-"):
            return None
        total = _minus(total, part if sign == "-" else {k: -v for k, v in part.items()})
    return total


def _minus(a: Linear, b: Linear) -> Linear:
    total = {k: a.get(k, 0) - b.get(k, 0) for k in {**a, **b}}
    return {k: v for k, v in total.items() if v}


def _tree(form: Linear) -> t.Tree:
    """A sum of letters and a number, what is added first."""
    terms: list[tuple[str, t.Tree]] = []
    for name, count in sorted(form.items(), key=lambda item: (item[0] == "", item[1] < 0, item[0])):
        what = [t.Name(name)] * abs(count) if name else [t.Num(str(abs(count)))]
        terms += [("-" if count < 0 else "+" if terms else "", x) for x in what]
    if not terms:
        return t.Num("0")
    return terms[0][1] if len(terms) == 1 and not terms[0][0] else t.Additive(tuple(terms))
