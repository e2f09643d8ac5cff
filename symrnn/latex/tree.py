"""The syntax tree of a formula: what is written, with its place; not yet what it means.

Trees compare equal when they are written alike, wherever they stand: spans do not take part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from symrnn.span import Span

NOWHERE = Span(0, 0)


@dataclass(frozen=True)
class Tree:
    """The closed family of nodes below; ``span`` is a range of the source text."""

    __match_args__: ClassVar[tuple[str, ...]]  # all fields but the place
    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)

    def children(self) -> list[Tree]:
        """The direct subtrees, in printed order."""
        found: list[Tree] = []
        for name in self.__match_args__:
            _collect(getattr(self, name), found)
        return found

    def walk(self) -> Iterator[Tree]:
        """This node and every node below it, in printed order."""
        waiting: list[Tree] = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children()))

    def at(self, span: Span) -> Tree:
        """The same node at another place."""
        return replace(self, span=span)


def rebuilt(tree: Tree, change: Callable[[Tree], Tree]) -> Tree:
    """The node with each of its direct subtrees changed; itself where none is."""
    old = [getattr(tree, name) for name in tree.__match_args__]
    new = [_changed(value, change) for value in old]
    same = all(a is b for a, b in zip(old, new, strict=True))
    return tree if same else type(tree)(*new, span=tree.span)


def _changed(value: Any, change: Callable[[Tree], Tree]) -> Any:
    if isinstance(value, Tree):
        return change(value)
    if isinstance(value, tuple):
        new = tuple([_changed(v, change) for v in value])
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    return value


def _collect(value: Any, found: list[Tree]) -> None:
    if isinstance(value, Tree):
        found.append(value)
    elif isinstance(value, tuple):
        for part in value:
            _collect(part, found)


@dataclass(frozen=True)
class Empty(Tree):
    """Nothing, where something could stand: ``{}``."""


@dataclass(frozen=True)
class Num(Tree):
    r"""A literal number, ``12`` or ``0.5``."""

    text: str


@dataclass(frozen=True)
class Name(Tree):
    r"""One symbol: a letter or a command such as ``\tau``, with its style (bold, cal, bb, rm, …)."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Word(Tree):
    r"""A name of several letters, ``\text{softmax}``, or a word of prose inside a formula."""

    text: str


@dataclass(frozen=True)
class Dots(Tree):
    r"""``\dots`` in any of its spellings."""

    text: str = "\\dots"


@dataclass(frozen=True)
class Accent(Tree):
    r"""``\hat{y}`` and its kind."""

    kind: str
    body: Tree


@dataclass(frozen=True)
class Script(Tree):
    """A base with what stands below, above, and its primes."""

    base: Tree
    sub: Tree | None = None
    sup: Tree | None = None
    primes: int = 0


@dataclass(frozen=True)
class Frac(Tree):
    """A fraction drawn with a bar."""

    num: Tree
    den: Tree


@dataclass(frozen=True)
class Sqrt(Tree):
    """A root, the second by default."""

    body: Tree
    index: Tree | None = None


@dataclass(frozen=True)
class Fence(Tree):
    """Something between two delimiters."""

    open: str
    body: Tree
    close: str


@dataclass(frozen=True)
class Listing(Tree):
    r"""Several things side by side: ``seps[k]`` (``,`` ``;`` ``|`` ``\quad``) stands after ``items[k]``."""

    items: tuple[Tree, ...]
    seps: tuple[str, ...]


@dataclass(frozen=True)
class Matrix(Tree):
    """Rows of cells in an environment."""

    env: str
    rows: tuple[tuple[Tree, ...], ...]


@dataclass(frozen=True)
class Call(Tree):
    r"""A named function and its argument, ``\tanh x``, ``\text{diag}(v)``."""

    fn: Tree
    arg: Tree


@dataclass(frozen=True)
class Big(Tree):
    r"""``\sum``, ``\prod``: limits below and above, and the body."""

    op: str
    sub: Tree | None
    sup: Tree | None
    body: Tree


@dataclass(frozen=True)
class Brace(Tree):
    r"""``\underbrace{body}_{label}``."""

    kind: str
    body: Tree
    label: Tree | None


@dataclass(frozen=True)
class Decor(Tree):
    r"""``\stackrel{note}{base}`` and its kin; ``\xrightarrow`` has an empty base."""

    kind: str
    note: Tree
    base: Tree


@dataclass(frozen=True)
class Additive(Tree):
    """Signed terms; the first sign may be empty."""

    terms: tuple[tuple[str, Tree], ...]


@dataclass(frozen=True)
class Product(Tree):
    """Factors with the operator before each: empty for juxtaposition and for the first."""

    factors: tuple[tuple[str, Tree], ...]


@dataclass(frozen=True)
class Chain(Tree):
    """A relation chain; ``links[0]`` has relation "" unless the line begins with a relation."""

    links: tuple[tuple[str, Tree], ...]


@dataclass(frozen=True)
class Stand(Tree):
    """A shorthand of the document (``written``) with what it stands for; never made by the parser."""

    written: Tree
    body: Tree
    name: str


@dataclass(frozen=True)
class Prose(Tree):
    """Words between statements, or an arrow of implication."""

    text: str


@dataclass(frozen=True)
class Statements(Tree):
    """What one display says: chains, expressions and prose, in order."""

    items: tuple[Tree, ...]


def strip_fence(tree: Tree) -> Tree:
    """The tree without the round or square brackets around it."""
    while isinstance(tree, Fence) and tree.open in ("(", "[") and not isinstance(tree.body, Listing):
        tree = tree.body
    return tree
