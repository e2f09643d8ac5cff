r"""Conditions on letters, ``\text{if } i \neq j``, ``\text{for } t < T``, and the statements that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symrnn.elaborate.context import Context
from symrnn.elaborate.scope import to_index
from symrnn.expr import Index
from symrnn.latex import tree as t

RELATIONS = {
    "=": "=", "\\neq": "≠", "\\ne": "≠", "<": "<", ">": ">", "\\le": "≤", "\\leq": "≤", "\\ge": "≥", "\\geq": "≥",
}  # fmt: skip
_BEFORE = frozenset({"if", "when"})  # may stand before what they govern
_AFTER = frozenset(
    {"for", "for all", "for each", "for every", "for any", "all", "where", "with", "any", "each", "every"}
)

Condition = tuple[tuple[Index, str, Index], ...]


@dataclass
class _Entry:
    """A statement, or a condition (None: one that is not understood) with the word before it."""

    tree: t.Tree | None
    word: str = ""
    condition: Condition | None = None
    governs: Condition = ()
    conditioned: bool = False
    unsure: bool = False


def attached(context: Context, items: tuple[t.Tree, ...]) -> Iterator[tuple[t.Tree, Condition, bool, bool]]:
    """The statements of a display: each with its conditions, whether some were not understood, and whether
    it is the last.

    A condition after a statement governs it; after «if» or «when», one before a statement governs that.
    Where both could be meant, both are marked as not understood: they may be proved, never refuted.
    """
    entries = list(_entries(context, items))
    statements = [e for e in entries if e.tree is not None]
    for k, entry in enumerate(entries):
        if entry.tree is not None:
            continue
        before = next((e for e in reversed(entries[:k]) if e.tree is not None), None)
        after = next((e for e in entries[k + 1 :] if e.tree is not None), None)
        free = before is not None and not before.conditioned
        if entry.word in _BEFORE and after is not None and free:
            for either in (before, after):
                if either is not None:
                    either.unsure = True
            continue
        target = after if (entry.word in _BEFORE or before is None) and after is not None else before
        if target is None:
            continue
        target.conditioned = True
        if entry.condition is None:
            target.unsure = True
        else:
            target.governs = (*target.governs, *entry.condition)
    for entry in statements:
        assert entry.tree is not None
        yield entry.tree, entry.governs, entry.unsure, entry is statements[-1]


def _entries(context: Context, items: tuple[t.Tree, ...]) -> Iterator[_Entry]:
    word = ""
    ranged = False  # within «i = 1, …, n»
    for item in items:
        if isinstance(item, t.Prose):
            word, ranged = item.text.strip().lower(), False
            continue
        found = _condition(context, item)
        worded = word in _BEFORE or word in _AFTER
        if found is not None and (worded or _elsewhere(found, item, items)):
            yield _Entry(None, word, found)
            ranged = True
        elif (
            ranged and not isinstance(item, t.Chain) and (to_index(item) is not None or isinstance(item, t.Dots))
        ) or (_range(item) and (worded or ranged)):
            yield _Entry(None, word, None)
        elif isinstance(item, t.Product) and item.factors[0][1] == t.Name("\\forall"):
            continue
        else:
            yield _Entry(item)
            ranged = False
        word = ""


def _condition(context: Context, item: t.Tree) -> Condition | None:
    """A chain that only compares letters of indices and steps with each other and with numbers."""
    if not isinstance(item, t.Chain) or item.links[0][0]:
        return None
    sides = [to_index(side) for _, side in item.links]
    relations = [RELATIONS.get(r) for r, _ in item.links[1:]]
    if any(s is None for s in sides) or any(r is None for r in relations) or not _letters(sides):
        return None
    for _, side in item.links:
        if any(context.names.match(node) is not None for node in side.walk() if isinstance(node, t.Name)):
            return None
    found = [s for s in sides if s is not None]
    return tuple((a, r, b) for a, r, b in zip(found, relations, found[1:], strict=False) if r is not None)


def _letters(sides: list[Index | None]) -> set[str]:
    return {s.letter for s in sides if s is not None and s.letter is not None}


def _elsewhere(condition: Condition, item: t.Tree, items: tuple[t.Tree, ...]) -> bool:
    """Whether the letters of a condition index something in the display's other statements."""
    letters = {i.letter for a, _, b in condition for i in (a, b)}
    for other in items:
        if other is not item and not isinstance(other, t.Prose):
            for node in other.walk():
                if isinstance(node, t.Script):
                    scripts = [x for part in (node.sub, node.sup) if part is not None for x in part.walk()]
                    if any(isinstance(x, t.Name) and x.text in letters for x in scripts):
                        return True
    return False


def _range(item: t.Tree) -> bool:
    """``c = 1 \\cdots C``."""
    return isinstance(item, t.Chain) and any(
        isinstance(side, t.Product) and any(isinstance(f, t.Dots) for _, f in side.factors) for _, side in item.links
    )
