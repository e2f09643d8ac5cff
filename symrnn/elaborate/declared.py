r"""What a manifest declares beyond shapes.

``A = \mathbf{A} \in \mathbb{R}^{n \times n}`` is one quantity in two spellings, ``p(y=1) \in \mathbb{R}`` a quantity
whose name has brackets, ``y \in \{0, 1\}`` and ``c \in \{1, \dots, C\}`` are whole numbers with no other values; any
of them on a range of lines alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symrnn.elaborate.context import Context
from symrnn.elaborate.families import ranges
from symrnn.elaborate.names import head, spaces
from symrnn.elaborate.scope import Scope, to_index
from symrnn.elaborate.shorthand import Rule
from symrnn.expr import SCALAR, Dim, Shape, Symbol, show_shape
from symrnn.latex import tree as t
from symrnn.latex.printer import latex

Values = tuple[int, ...] | str


def declare(whole: Context, context: Context, tree: t.Statements, lines: str) -> bool:
    """Declare what one entry of the manifest says of the whole document, or of a section's ``lines`` (then
    ``context`` is the section's); False where some of it declares nothing.
    """
    found = False
    for spellings, space in _entries(tree):
        shape, values = spaces(space), _values(space)
        if shape is None and values is None:
            return False
        first, *others = spellings
        symbol = _symbol(whole, context, first, shape or SCALAR, lines, ranges(tree))
        if symbol is None:
            return False
        if values is not None:
            if symbol.timed or symbol.label or symbol.style or to_index(first) is None:
                return False
            symbol = replace(symbol, values=values)
        one_or_many(context, symbol)
        known = context.names.known(symbol)
        if known is None or known.values != symbol.values:
            context.names.declare(symbol)
        elif not Scope(context.manifest.sizes).agree(known.shape, symbol.shape):
            shapes = f"{show_shape(known.shape)} and, by the manifest, {show_shape(symbol.shape)}"
            context.failed.setdefault(known, f"it is declared as {shapes}")
        for other in others:
            name = head(other)
            if name is None or name.subs or name.sups:
                return False
            context.names.also[name.key, name.style] = symbol.key, symbol.style
        found = True
    return found


def one_or_many(context: Context, symbol: Symbol) -> None:
    """A name that is declared both as one quantity, with components, and as many, is open."""
    for other in context.names.family(symbol.key):
        if {symbol.family, other.family} == {"sub", ""} and symbol.style == other.style and not other.label:
            many = f"'{symbol.name}' is declared as one quantity and as many"
            context.failed.update({symbol: many, other: many})


def _entries(tree: t.Statements) -> Iterator[tuple[list[t.Tree], t.Tree]]:
    """The spellings of each name, and the space that it is declared to lie in."""
    waiting: list[list[t.Tree]] = []
    for item in tree.items:
        if not isinstance(item, t.Chain):
            waiting.append([item])
            continue
        sides = [side for _, side in item.links]
        relations = [relation for relation, _ in item.links]
        if relations[0] or relations[-1] != "\\in" or any(r != "=" for r in relations[1:-1]):
            return
        for spellings in (*waiting, sides[:-1]):
            yield spellings, sides[-1]
        waiting = []
    for spellings in waiting:
        yield spellings, t.Empty()


def _symbol(
    whole: Context, context: Context, tree: t.Tree, shape: Shape, lines: str, known: dict[str, Dim]
) -> Symbol | None:
    """The symbol of a name; a name with brackets is one sign from now on."""
    if head(tree) is not None:
        return context.names.declared(tree, shape, known)
    match tree:
        case t.Product((("", name), ("", t.Fence()))) if head(name) is not None:
            sign = t.Name(latex(tree))
            whole.rules = (Rule(sign.text, tree, sign, lines, frozenset(), plain=True), *whole.rules)
            return context.names.declared(sign, shape)
    return None


def _values(space: t.Tree) -> Values | None:
    r"""The whole numbers in ``\{0, 1\}``; the letter n of ``\{1, \dots, n\}``."""
    if not isinstance(space, t.Fence) or space.open != "\\{" or not isinstance(space.body, t.Listing):
        return None
    items = space.body.items
    if len(items) >= 3 and isinstance(items[-2], t.Dots):
        last = to_index(items[-1])
        counted = [to_index(i) for i in items[:-2]]
        if last is None or any(i is None or i.letter or i.offset != k for k, i in enumerate(counted, 1)):
            return None
        if last.letter is None:
            return tuple(range(1, last.offset + 1))
        return None if last.offset else last.letter
    numbers = [to_index(i) for i in items]
    if any(i is None or i.letter is not None for i in numbers):
        return None
    return tuple(sorted({i.offset for i in numbers if i is not None}))
