r"""Names: declarations such as ``\mathbf{U} \in \mathbb{R}^{5 \times 4}``, and which quantity a printed name is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from symrnn.elaborate.families import family
from symrnn.elaborate.scope import to_index
from symrnn.expr import Dim, Index, Shape, Symbol
from symrnn.latex import notation as n
from symrnn.latex import tree as t
from symrnn.latex.printer import latex

EVERYTHING = t.Name(":")  # in the place of an index


@dataclass(frozen=True)
class Head:
    """A printed name taken apart: its letter with accents, its style, and what hangs on it."""

    key: str
    style: str
    subs: tuple[t.Tree, ...] = ()
    sups: tuple[t.Tree, ...] = ()


def head(tree: t.Tree) -> Head | None:
    """Take a name apart, or None when the tree is no name."""
    match tree:
        case t.Name(text, style):
            return Head(text, style)
        case t.Word(text):
            return Head(text, "rm" if len(text) == 1 else "")
        case t.Accent(kind, body):
            inner = head(body)
            return replace(inner, key=f"{kind} {inner.key}") if inner else None
        case t.Script(base, sub, sup, primes):
            inner = head(base)
            if inner is None:
                return None
            subs = (*inner.subs, *parts(sub)) if sub is not None else inner.subs
            sups = (*inner.sups, *factors(sup)) if sup is not None else inner.sups
            return Head(inner.key + "'" * primes, inner.style, subs, sups)
        case _:
            return None


def taken_apart(lhs: t.Tree) -> tuple[t.Tree, t.Tree | None]:
    """A name and the arguments it is printed with, ``f(x)``; those that are sums or products are none, ``a(b + 1)``."""
    if isinstance(lhs, t.Product) and len(lhs.factors) == 2 and isinstance(fence := lhs.factors[1][1], t.Fence):
        return (
            (lhs, None) if isinstance(fence.body, (t.Additive, t.Product, t.Num)) else (lhs.factors[0][1], fence.body)
        )
    if (
        isinstance(lhs, t.Call)
        and isinstance(lhs.arg, t.Fence)
        and isinstance(lhs.fn, t.Word)
        and lhs.fn.text not in n.WORDS
    ):
        return lhs.fn, lhs.arg.body
    return lhs, None


def parts(tree: t.Tree) -> tuple[t.Tree, ...]:
    """The entries of a subscript: separated by commas, or side by side."""
    match tree:
        case t.Listing(items):
            return tuple(p for item in items for p in parts(item))
        case t.Product(fs) if all(not op for op, _ in fs):
            return tuple(f for _, f in fs)
        case t.Empty():
            return ()
        case _:
            return (tree,)


def factors(tree: t.Tree) -> tuple[t.Tree, ...]:
    """The pieces of a superscript: ``(t)T`` is a time and a transpose."""
    if isinstance(tree, t.Listing) and all(s == "," for s in tree.seps):
        return tree.items
    if (
        isinstance(tree, t.Product)
        and isinstance(tree.factors[0][1], t.Fence)
        and all(not op for op, _ in tree.factors)
    ):
        return tuple(f for _, f in tree.factors)
    return (tree,)


def is_transpose(tree: t.Tree) -> bool:
    """Whether a superscript is the sign of transposition."""
    match tree:
        case t.Name(text, style):
            return (text == "T" and style in ("", "rm", "bold")) or text in ("\\top", "\\intercal") or (text == "t")
        case t.Word(text):
            return text == "T"
        case _:
            return False


_MOST_MATCHES = 20_000  # trees whose match is remembered


@dataclass(frozen=True)
class Match:
    """A printed name matched with a declared one."""

    symbol: Symbol
    time: Index | None
    copy: Index | None
    indices: tuple[t.Tree, ...]
    sups: tuple[t.Tree, ...]  # exponents and transposes left over
    exact: bool


@dataclass
class Names:
    """The declared names of a document, or those of one of its sections, which hide the names ``outer`` of it.

    ``mark``: what tells a section's names apart from others that are written alike.
    """

    step: str = "t"
    symbols: list[Symbol] = field(default_factory=list)
    outer: Names | None = None
    mark: str = ""
    inner: list[Names] = field(default_factory=list)
    also: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)  # other spellings of declared letters
    _matched: dict[int, tuple[t.Tree, Match | None]] = field(default_factory=dict, repr=False)

    @property
    def timed(self) -> bool:
        """Whether any name carries a step."""
        return any(s.timed for s in self.visible())

    def section(self, mark: str) -> Names:
        """A new section."""
        self.inner.append(Names(self.step, outer=self, mark=mark))
        return self.inner[-1]

    def visible(self) -> Iterator[Symbol]:
        """The symbols that mean something here: a section's own, and those of the document that they do not hide."""
        yield from self.symbols
        if self.outer is not None:
            yield from (s for s in self.outer.symbols if self.known(s) is None)

    def everything(self) -> Iterator[Symbol]:
        """The symbols of the whole document, those of all sections among them."""
        whole = self.outer or self
        return chain(whole.symbols, *(section.symbols for section in whole.inner))

    def spelled(self, found: Head) -> tuple[str, str]:
        """The letter and style that a name was first declared in."""
        own = self.also.get((found.key, found.style))
        return own or (self.outer.spelled(found) if self.outer is not None else (found.key, found.style))

    def family(self, key: str) -> Iterator[Symbol]:
        """The symbols written with this letter."""
        return (s for s in self.visible() if s.key == key)

    def known(self, symbol: Symbol) -> Symbol | None:
        """The symbol of the same name that is declared in this very place."""
        return next((s for s in self.symbols if _same_name(s, symbol)), None)

    def declare(self, symbol: Symbol) -> None:
        """Add or replace a symbol; its plain name stays apart from those of all others."""
        self.symbols = [s for s in self.symbols if not _same_name(s, symbol)]
        taken = {s.name for s in self.everything()}
        if symbol.name in taken:
            symbol = replace(symbol, mark=self.mark or symbol.style or "plain")
        while symbol.name in taken:
            symbol = replace(symbol, mark=symbol.mark + "'")
        self.symbols.append(symbol)
        self._renew()

    def forget(self, symbol: Symbol) -> None:
        """Take a symbol back."""
        self.symbols.remove(symbol)
        self._renew()

    def _renew(self) -> None:
        """What was matched may be another name now, here and in the sections."""
        for names in (self, *self.inner):
            names._matched.clear()

    def declared(self, tree: t.Tree, shape: Shape, ranges: Mapping[str, Dim] | None = None) -> Symbol | None:
        """The symbol that a declaration or a defining left side introduces; letters of steps show its time, those
        with a range that it is one of many.
        """
        found = head(tree)
        if found is None:
            return None
        subs, sups = self._lifted(found.subs) or list(found.subs), list(found.sups)
        timed = ""
        for k, sup in enumerate(sups):
            index = to_index(sup) if isinstance(sup, t.Fence) else None
            if index is not None and index.letter == self.step:
                timed = "sup"
                del sups[k]
                break
        if not timed:
            for k, sub in enumerate(subs):
                index = to_index(sub)
                if index is not None and index.letter == self.step:
                    timed = "sub"
                    del subs[k]
                    break
        whole = Symbol(found.key, found.style, label(subs, sups), shape, timed)
        return whole if timed else family(whole, subs, sups, ranges or {}) or whole

    def match(self, tree: t.Tree) -> Match | None:
        """Which declared quantity a printed name is, or None.

        A name without component indices must be printed in its declared style unless the letter has only
        one; with all indices the style is free, and the small letter stands for an entry of the capital.
        """
        kept = self._matched.get(id(tree))
        if kept is None or kept[0] is not tree:
            if len(self._matched) >= _MOST_MATCHES:
                self._matched.clear()
            kept = self._matched[id(tree)] = (tree, self._find(tree))
        return kept[1]

    def _find(self, tree: t.Tree) -> Match | None:
        found = head(tree)
        if found is None:
            return None
        key, style = self.spelled(found)
        found = replace(found, key=key, style=style)
        matches = [m for s in self.family(found.key) if (m := self._match(s, found))]
        if any(m.time is not None for m in matches):  # h_0 is h_t at step 0, whatever else was declared
            matches = [m for m in matches if m.time is not None or not m.symbol.label.isdigit()]
        *accents, letter = found.key.split(" ")
        if not matches and len(letter) == 1 and letter.islower():
            for s in self.family(" ".join((*accents, letter.upper()))):
                m = self._match(s, found)
                if m and m.indices and _complete(m):
                    matches.append(m)
        exact = [m for m in matches if m.symbol.style == found.style and m.symbol.key == found.key]
        whole = [m for m in matches if m.indices and _complete(m)]
        for group in (exact, whole, matches):
            if group:
                return max(group, key=lambda m: (len(m.symbol.label), m.copy is None, m.time is not None))
        return None

    def _lifted(self, subs: tuple[t.Tree, ...]) -> list[t.Tree] | None:
        """``z_{h_t}`` with its step one level up, as ``z_{h t}``; None where no step hangs on a subscript."""
        for k, sub in enumerate(subs):
            found = head(sub)
            if found is None or found.sups or not isinstance(sub, t.Script):
                continue
            inner = self._lifted(found.subs) or list(found.subs)
            at = [j for j, x in enumerate(inner) if (i := to_index(x)) is not None and i.letter == self.step]
            if len(at) == 1:
                step = inner.pop(at[0])
                base = _base(sub)
                whole = base if not inner else t.Script(base, _side_by_side(inner), None, span=sub.span)
                return [*subs[:k], whole, step, *subs[k + 1 :]]
        return None

    def _match(self, s: Symbol, found: Head) -> Match | None:
        """A name with its step below a subscript of it is one whose label has that subscript."""
        plain = self._matched_as(s, found)
        if plain is None and s.label and s.timed == "sub" and (subs := self._lifted(found.subs)) is not None:
            return self._matched_as(s, replace(found, subs=tuple(subs)))
        return plain

    def _matched_as(self, s: Symbol, found: Head) -> Match | None:
        subs, sups = list(found.subs), list(found.sups)
        below, hat, above = s.label.partition("^")
        if hat:
            if not sups or _plain(sups[0]) != above or label(subs[: below.count(",") + bool(below)], []) != below:
                return None
            subs, sups = subs[below.count(",") + bool(below) :], sups[1:]
        elif s.label:
            size = next((k for k in range(len(subs), -1, -1) if label(subs[:k], []) == s.label), None)
            if size is None:
                whole = label(subs, sups[:1])
                if whole != s.label:
                    return None
                subs, sups = [], sups[1:]
            else:
                subs = subs[size:] if size else subs
        time: Index | None = None
        copy: Index | None = None
        if s.family == "sup":
            if not sups or not isinstance(sups[0], t.Fence) or len(subs) > 1:
                return None
            subs, sups = [t.strip_fence(sups[0]), *subs], sups[1:]
        if s.family and not subs:
            return None
        if s.timed == "sup":
            if not sups or not isinstance(sups[0], t.Fence) or (time := to_index(sups[0])) is None:
                return None
            sups = sups[1:]
        elif s.timed == "sub":
            position = self._time_position(subs)
            if position is None:
                return None
            time = to_index(subs.pop(position))
        elif not s.family and self.timed and sups and isinstance(sups[0], t.Fence) and sups[0].open == "(":
            copy = to_index(sups[0])
            if copy is None:
                return None
            sups = sups[1:]
        indices = _indices(s.shape, subs)
        if indices is None:
            return None
        return Match(s, time, copy, indices, tuple(sups), s.style == found.style)

    def _time_position(self, subs: list[t.Tree]) -> int | None:
        indices = [to_index(sub) for sub in subs]
        for k, index in enumerate(indices):
            if index is not None and index.letter == self.step:
                return k
        return 0 if indices and indices[0] is not None else None


def _base(tree: t.Tree) -> t.Tree:
    """A name without its scripts."""
    return _base(tree.base) if isinstance(tree, t.Script) else tree


def _side_by_side(items: list[t.Tree]) -> t.Tree:
    return items[0] if len(items) == 1 else t.Product(tuple(("", i) for i in items))


def label(subs: list[t.Tree], sups: list[t.Tree]) -> str:
    """Scripts that are part of a name, as one text."""
    below = ",".join(_plain(s) for s in subs)
    above = ",".join(_plain(s) for s in sups)
    return below + ("^" + above if above else "")


def _plain(tree: t.Tree) -> str:
    return tree.text if isinstance(tree, (t.Word, t.Name, t.Num)) else latex(tree)


def _same_name(a: Symbol, b: Symbol) -> bool:
    one, two = ((s.key, s.style, s.label, bool(s.timed), s.family) for s in (a, b))
    return one == two


def _complete(match: Match) -> bool:
    axes = sum(d != 1 for d in match.symbol.shape)
    return len(match.indices) == axes or (len(match.indices) == 2 and axes >= 1)


def _indices(shape: Shape, subs: list[t.Tree]) -> tuple[t.Tree, ...] | None:
    """The component indices, two digits standing side by side taken apart for a matrix; None if too many."""
    axes = sum(d != 1 for d in shape)
    if axes == 2 and len(subs) == 1 and isinstance(subs[0], t.Num) and len(subs[0].text) == 2:
        digit = subs[0]
        return tuple(t.Num(c, span=digit.span) for c in digit.text)
    if len(subs) > max(axes, 0) or any(to_index(s) is None for s in subs if len(subs) == 1 or s != EVERYTHING):
        return None
    return tuple(subs)


def spaces(tree: t.Tree) -> Shape | None:
    r"""The shape in ``\mathbb{R}^{m \times n}``: one length is a column, none a scalar."""
    match tree:
        case t.Name("R" | "\\Re", _):
            return (1, 1)
        case t.Script(t.Name("R", _), None, sup) if sup is not None:
            dims = _dims(sup)
            if dims is None:
                return None
            return (dims[0], 1) if len(dims) == 1 else dims if len(dims) == 2 else None
        case _:
            return None


def _dims(tree: t.Tree) -> tuple[Dim, ...] | None:
    if isinstance(tree, t.Product) and all(op in ("", "\\times") for op, _ in tree.factors):
        return tuple(d for _, f in tree.factors for d in (_dims(f) or ()))
    match tree:
        case t.Num(text) if text.isdigit():
            return (int(text),)
        case t.Name(text, _) | t.Word(text):
            return (text,)
        case t.Fence(_, body, _):
            return _dims(body)
        case t.Script():
            return (latex(tree),)
        case _:
            return None


def declarations(tree: t.Tree, named: bool = True) -> Iterator[tuple[t.Tree, Shape]]:
    """Every ``name, name ∈ space`` that a formula states; without ``named``, not those that it gives to something,
    ``… = name ∈ space``.
    """
    items = tree.items if isinstance(tree, t.Statements) else (tree,)
    waiting: list[t.Tree] = []
    for item in items:
        if isinstance(item, t.Chain):
            names = [side for _, side in item.links[:1]]
            for k, (relation, side) in enumerate(item.links[1:]):
                if relation == "\\in" and (shape := spaces(side)) is not None and (named or not k):
                    yield from ((name, shape) for name in (*waiting, *names))
                names = [side]
            waiting = []
        elif head(item) is not None:
            waiting.append(item)
        else:
            waiting = []


def is_function_word(text: str) -> bool:
    """Whether a word names a known function."""
    return text in n.WORDS
