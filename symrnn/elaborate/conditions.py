r"""Conditions, ``\text{if } i \neq j``, ``\text{for } t < T``, ``i = 1, \dots, m``, and the statements they govern."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from symrnn.claims import Claim, Typed
from symrnn.elaborate.context import Context
from symrnn.elaborate.names import head, spaces
from symrnn.elaborate.scope import difference, to_index
from symrnn.expr import Index, Ref
from symrnn.latex import notation as n
from symrnn.latex import tree as t

RELATIONS = {
    "=": "=", "\\neq": "≠", "\\ne": "≠", "<": "<", ">": ">", "\\le": "≤", "\\leq": "≤", "\\ge": "≥", "\\geq": "≥",
}  # fmt: skip
_BEFORE = frozenset({"if", "when", "whenever", "provided", "assuming", "suppose", "given", "unless"})  # what follows
_RANGING = frozenset({"for", "all", "each", "every", "any"})
_AFTER = _RANGING | {"where", "with"}
_PLAIN = (
    _BEFORE - {"unless"} | _AFTER | {"and", "or", "the", "a", "that", "steps", "step", "times", "time", "then", "so"}
)
_HEDGES = frozenset(
    {"positive", "negative", "nonnegative", "non-negative", "nonzero", "non-zero", "small", "large", "only", "except",
     "otherwise", "else", "unless", "iff"}
)  # fmt: skip
_CERTAIN = frozenset({"\\therefore"})

Condition = tuple[tuple[Index, str, Index], ...]


@dataclass
class _Entry:
    """A statement, or a condition (None: one that is not understood) with the words before it."""

    tree: t.Tree | None
    words: frozenset[str] = frozenset()
    condition: Condition | None = None
    governs: Condition = ()
    conditioned: bool = False
    explains: bool = False  # stands after «where»
    unsure: bool = False


def explained(items: Iterable[tuple[t.Tree, bool]]) -> tuple[t.Tree, ...]:
    """The left sides of equalities that stand after «where»: they may define what no line defines."""
    chains = (item for item, after in items if after and isinstance(item, t.Chain))
    return tuple(c.links[0][1] for c in chains if not c.links[0][0] and c.links[1][0] in n.EQUALITIES)


def open_beside(context: Context, claim: Claim, typed: Typed | None) -> bool:
    """Whether a claim speaks of a quantity that no line defines and that the words beside it may define."""
    found = (context.names.match(tree) for tree in claim.beside)
    free = {m.symbol for m in found if m is not None and m.symbol not in context.nodes}
    sides = (typed.lhs, typed.rhs) if typed is not None else ()
    return any(isinstance(e, Ref) and e.symbol in free for side in sides for e in side.walk())


def presupposed(context: Context, claim: Claim) -> Condition:
    r"""What a line takes for granted of its free letters: ``\prod_{i=k+1}^t`` and ``w^{t-k}`` speak of k ≤ t."""
    found: list[tuple[Index, str, Index]] = []
    for side in (claim.lhs, claim.rhs):
        if side is not None:
            _presupposed(context, side, frozenset(), found)
    return tuple(dict.fromkeys(found))


def _presupposed(context: Context, tree: t.Tree, bound: frozenset[str], found: list[tuple[Index, str, Index]]) -> None:
    pair: tuple[Index | None, Index | None] = (None, None)
    match tree:
        case t.Big(_, t.Chain((("", letter), ("=", low))), t.Tree() as high):
            pair = to_index(low), to_index(high)
            inner = to_index(letter)
            bound |= {inner.letter} if inner is not None and inner.letter is not None else frozenset()
            pair = (pair[0], pair[1].shifted(1) if pair[1] is not None else None)
        case t.Big(_, t.Chain(links), None) if len(links) == 3:
            ends = [to_index(side) for _, side in links]
            inner = ends[1]
            bound |= {inner.letter} if inner is not None and inner.letter is not None else frozenset()
            pair = (ends[2], ends[0]) if links[1][0] in (">", "\\ge", "\\geq") else (ends[0], ends[2])
        case t.Script(base, _, sup, _) if (powers := difference(sup)) is not None:
            if any(isinstance(node, t.Name) for node in base.walk()):  # (-1)^{i-j} has a value anywhere
                pair = powers[1], powers[0]
    low_, high_ = pair
    if low_ is not None and high_ is not None and low_.letter != high_.letter:
        if all(_runs_free(context, i, bound) for i in pair):
            found.append((low_, "≤", high_))
    for child in tree.children():
        _presupposed(context, child, bound, found)


def _runs_free(context: Context, index: Index | None, bound: frozenset[str]) -> bool:
    """Whether an index has a letter that nothing binds and that is no quantity."""
    letter = index.letter if index is not None else None
    if letter is None or letter in bound or context.fixed(letter):
        return False
    return context.names.match(t.Name(letter)) is None


def half_known(context: Context, claim: Claim, typed: Typed | None) -> bool:
    """Whether a condition compares a letter of the claim with one that has no value: ``i = 1, …, N``."""
    letters = set(typed.letters) if typed is not None else set()
    pairs = [{i for i in (a.letter, b.letter) if i and not context.fixed(i)} for a, _, b in claim.where]
    return any(pair & letters and pair - letters for pair in pairs)


def attached(
    context: Context, items: tuple[t.Tree, ...]
) -> Iterator[tuple[t.Tree, Condition, bool, bool, tuple[t.Tree, ...]]]:
    """The statements of a display: each with its conditions, whether some were not understood, whether it is
    the last, and what equalities after «where» may define.

    A condition after a statement governs it; after «if» or «when», one before a statement governs that.
    Where both could be meant, both are marked as not understood: they may be proved, never refuted. So are
    the statements beside a comparison of quantities, which may be their condition, and those that an arrow
    of implication joins.
    """
    entries = list(_entries(context, items))
    statements = [e for e in entries if e.tree is not None]
    joined = any(isinstance(i, t.Prose) and i.text in n.IMPLICATIONS - _CERTAIN for i in items)
    for k, entry in enumerate(entries):
        if entry.tree is not None:
            continue
        before = next((e for e in reversed(entries[:k]) if e.tree is not None), None)
        after = next((e for e in entries[k + 1 :] if e.tree is not None), None)
        leading = bool(entry.words & _BEFORE) and after is not None
        if leading and before is not None and after is not None and not before.conditioned:
            before.unsure = after.unsure = True
            continue
        target = after if leading or before is None else before
        if target is None:
            continue
        target.conditioned = True
        if entry.condition is None:
            target.unsure = True
        else:
            target.governs = (*target.governs, *entry.condition)
    local = explained((e.tree, e.explains) for e in statements if e.tree is not None)
    for entry in statements:
        assert entry.tree is not None
        beside = any(_compares(e.tree) for e in statements if e is not entry)
        yield entry.tree, entry.governs, entry.unsure or beside or joined, entry is statements[-1], local


def _entries(context: Context, items: tuple[t.Tree, ...]) -> Iterator[_Entry]:
    words: frozenset[str] = frozenset()
    several = sum(not isinstance(i, t.Prose) for i in items) > 1 or len(items) > 1
    k = 0
    while k < len(items):
        item = items[k]
        k += 1
        if isinstance(item, t.Prose):
            words = _words(item.text)
            if words & _HEDGES or (words & (_BEFORE | _RANGING) and words - _PLAIN):
                yield _Entry(None, frozenset({"for"}), None)  # a condition in words alone: «for small x»
            continue
        quantified = _after_forall(item)
        inside = _inside(item) if quantified is None else None
        opened = quantified if quantified is not None else item
        strong = quantified is not None or inside is not None or bool(words & (_BEFORE | _RANGING))
        found = _range(context, inside or (opened, *items[k:]))
        if found is not None and several and (strong or words & _AFTER or _elsewhere(found[0], item, items)):
            yield _Entry(None, words, found[0])
            k += found[1] - 1 if inside is None else 0
        elif several and strong:
            yield _Entry(None, words, () if inside is None and _generic(opened, words) else None)
            if not isinstance(opened, t.Chain):
                continue  # «for i, j = 1, …, m»: the words go on
        else:
            yield _Entry(item, explains=bool(words & {"where", "with"}))
        words = frozenset()


def _words(text: str) -> frozenset[str]:
    return frozenset(w.strip(".,;:()") for w in text.lower().split()) - {""}


def _inside(item: t.Tree) -> tuple[t.Tree, ...] | None:
    """What a bracket around a condition holds, ``(t > 1)``: a relation is no value."""
    if not isinstance(item, t.Fence):
        return None
    items = item.body.items if isinstance(item.body, t.Listing) else (item.body,)
    return items if isinstance(items[0], t.Chain) or _after_forall(items[0]) is not None else None


def _after_forall(item: t.Tree) -> t.Tree | None:
    r"""``\forall c > 0`` without its quantifier."""
    match item:
        case t.Chain(((relation, side), *links)) if (rest := _after_forall(side)) is not None:
            return t.Chain(((relation, rest), *links), span=item.span)
        case t.Product((("", t.Name("\\forall")), (_, first), *more)):
            return t.Product((("", first), *more), span=item.span) if more else first
        case _:
            return None


def _generic(item: t.Tree, words: frozenset[str]) -> bool:
    """``for all t``: any value of a letter is no restriction."""
    return head(item) is not None and not words & _BEFORE


def _compares(tree: t.Tree | None) -> bool:
    """Whether a statement may be a condition of those beside it: it says more than that things are equal."""
    if not isinstance(tree, t.Chain):
        return False
    return any(r and r not in n.EQUALITIES and not (r == "\\in" and spaces(side)) for r, side in tree.links)


def _range(context: Context, items: Sequence[t.Tree]) -> tuple[Condition | None, int] | None:
    """The condition on letters with which the items begin, and how many of them it takes up; None for none.

    ``i = 1, 2, …, m`` is a range; a list without dots is not understood, and no restriction to its first entry.
    """
    item = items[0]
    if (member := _member(context, item)) is not None:
        return member, 1
    simple = _condition(context, item)
    if not isinstance(item, t.Chain) or len(item.links) != 2 or item.links[1][0] != "=":
        return None if simple is None else (simple, 1)
    letter, first = to_index(item.links[0][1]), item.links[1][1]
    if letter is None or letter.letter is None or _quantity(context, item.links[0][1]):
        return None
    listed: list[t.Tree] = [first]
    if isinstance(first, t.Product) and any(isinstance(f, t.Dots) for _, f in first.factors):
        listed = [f for _, f in first.factors]
    for other in items[1:]:
        if not isinstance(other, t.Dots) and to_index(other) is None:
            break
        listed.append(other)
    used = len(listed) if listed[0] is first else 1
    if len(listed) == 1:
        return None if simple is None else (simple, 1)
    low, high = to_index(listed[0]), to_index(listed[-1])
    dots = [isinstance(x, t.Dots) for x in listed]
    if sum(dots) == 1 and dots[-2] and low is not None and high is not None:
        return ((letter, "≥", low), (letter, "≤", high)), used
    return None, used


def _member(context: Context, item: t.Tree) -> Condition | None:
    r"""``j \in \{1, \dots, N\}`` and ``j \in 1..N``: a range."""
    match item:
        case t.Chain((("", letter), ("\\in", t.Fence("\\{", t.Listing(listed, seps))))) if set(seps) <= {","}:
            ends = (listed[0], *listed[-2:])
        case t.Chain((("", letter), ("\\in", t.Product(((_, low), (_, dots), (_, high)))))):
            ends = (low, dots, high)
        case _:
            return None
    index, first, last = to_index(letter), to_index(ends[0]), to_index(ends[-1])
    if index is None or first is None or last is None or not isinstance(ends[1], t.Dots) or _quantity(context, letter):
        return None
    return (index, "≥", first), (index, "≤", last)


def _condition(context: Context, item: t.Tree) -> Condition | None:
    """A chain that only compares letters of indices and steps with each other and with numbers."""
    if not isinstance(item, t.Chain) or item.links[0][0]:
        return None
    sides = [to_index(side) for _, side in item.links]
    relations = [RELATIONS.get(r) for r, _ in item.links[1:]]
    if any(s is None for s in sides) or any(r is None for r in relations) or not any(s and s.letter for s in sides):
        return None
    if any(_quantity(context, side) for _, side in item.links):
        return None
    found = [s for s in sides if s is not None]
    return tuple((a, r, b) for a, r, b in zip(found, relations, found[1:], strict=False) if r is not None)


def _quantity(context: Context, tree: t.Tree) -> bool:
    return any(context.names.match(node) is not None for node in tree.walk() if isinstance(node, t.Name))


def _elsewhere(condition: Condition | None, item: t.Tree, items: tuple[t.Tree, ...]) -> bool:
    """Whether the letters of a condition index something in the display's other statements."""
    if condition is None:
        return True
    letters = {i.letter for a, _, b in condition for i in (a, b)}
    for other in items:
        if other is not item and not isinstance(other, t.Prose):
            for node in other.walk():
                if isinstance(node, t.Script):
                    scripts = [x for part in (node.sub, node.sup) if part is not None for x in part.walk()]
                    if any(isinstance(x, t.Name) and x.text in letters for x in scripts):
                        return True
    return False
