r"""Surface items to a tree, by operator precedence from the tables of ``notation``.

Guarantee: every token of the formula is in the tree (spacing, colours and alignment marks aside), or
``parse`` raises a Problem with the place of the first token that it could not read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symrnn.diagnostic import Problem
from symrnn.latex import notation as n
from symrnn.latex.head import Head, Placed, place, seen
from symrnn.latex.prepare import is_prose, prepare, word_text
from symrnn.latex.style import restyle
from symrnn.latex.surface import Item, surface
from symrnn.latex.tree import (
    Accent,
    Additive,
    Big,
    Brace,
    Call,
    Chain,
    Decor,
    Dots,
    Empty,
    Fence,
    Frac,
    Listing,
    Matrix,
    Name,
    Num,
    Product,
    Prose,
    Script,
    Sqrt,
    Statements,
    Tree,
    Word,
)
from symrnn.span import Span

SEPARATORS = frozenset({",", ";", ".", ":"})


def parse(latex: str, offsets: Sequence[int] | None = None, words: frozenset[str] = frozenset()) -> Statements:
    """The statements of one display or inline formula.

    ``offsets[k]`` is the place of ``latex[k]`` in the source (the identity when absent); ``words`` are
    names of several plain letters (``loss``) besides those of the tables.
    Raises Problem SR101 (unbalanced) or SR102 (a construct that is not read).
    """
    places = range(len(latex) + 1) if offsets is None else offsets
    try:
        return _Parser(prepare(surface(latex), words), places, words).statements()
    except RecursionError:
        raise Problem("SR102", "this formula is nested too deeply to be read", place(places, 0, len(latex))) from None
    except Problem as problem:
        if offsets is None or problem.diagnostic.span is None or isinstance(problem, Placed):
            raise
        d = problem.diagnostic
        assert d.span is not None
        raise Problem(d.code, d.message, place(places, d.span.start, d.span.end)) from None


def parse_expression(latex: str, words: frozenset[str] = frozenset()) -> Tree:
    """The tree of a formula that is one statement."""
    items = parse(latex, None, words).items
    if len(items) != 1:
        raise Problem("SR102", f"'{latex}' is not one expression")
    return items[0]


class _Parser(Head):
    """Precedence climbing over one sequence of items."""

    def within(self, item: Item) -> _Parser:
        return _Parser(prepare(item.parts, self.words), self.places, self.words)

    # -- statements ---------------------------------------------------------------------------

    def statements(self) -> Statements:
        found: list[Tree] = []
        decimal: Item | None = None
        while True:
            self.skip_soft()
            item = self.peek()
            if item is None:
                break
            if item.kind == "char" and item.text in SEPARATORS:
                decimal = decimal or (item if self.between_digits(item) and found else None)
                self.k += 1
            elif is_prose(item):
                self.k += 1
                found.append(Prose(word_text(item.text), span=self.span(item.start, item.end)))
            elif item.kind == "command" and item.text in n.IMPLICATIONS:
                self.k += 1
                found.append(Prose(item.text, span=self.span(item.start, item.end)))
            else:
                found.append(self.chain())
                self.end_of_statement()
        if decimal is not None and len(found) == 2 and not all(isinstance(x, Chain) for x in found):
            self.doubtful(decimal)
        end = self.items[-1].end if self.items else 0
        return Statements(tuple(found), span=self.span(self.items[0].start if self.items else 0, end))

    def end_of_statement(self) -> None:
        item = self.peek()
        if item is None or item.kind in ("break", "quad") or is_prose(item):
            return
        if item.kind == "char" and item.text in SEPARATORS:
            return
        if item.kind == "command" and item.text in n.IMPLICATIONS | n.QUANTIFIERS:
            return
        raise self.fail(item, f"cannot read {seen(item)} here")

    def chain(self) -> Tree:
        start = item.start if (item := self.soft()) else 0
        links: list[tuple[str, Tree]] = []
        relation = self.relation()
        while True:
            self.skip_soft()
            links.append((relation, self.additive()))
            after = self.soft()
            if after is None or self.relation_text(after) is None:
                break
            self.skip_soft()
            relation = self.relation()
        if len(links) == 1 and not links[0][0]:
            return links[0][1]
        return Chain(tuple(links), span=self.since(start))

    def relation(self) -> str:
        item = self.peek()
        text = self.relation_text(item) if item else None
        if text is None:
            return ""
        self.k += 1
        return text

    # -- expressions --------------------------------------------------------------------------

    def additive(self) -> Tree:
        start = item.start if (item := self.peek()) else 0
        terms = [(self.sign(), self.binary(n.HADAMARD))]
        while True:
            item = self.soft()
            if item is None or self.strength(item) != n.SUM:
                break
            if self.inside and item is not self.peek() and item.text in n.SIGNS and self.has_quad():
                break  # inside brackets, "a \quad -b" are two entries of a row
            self.skip_soft()
            self.k += 1
            self.skip_soft()
            terms.append((_minus(item.text), self.binary(n.HADAMARD)))
        if len(terms) == 1 and not terms[0][0]:
            return terms[0][1]
        return Additive(tuple(terms), span=self.since(start))

    def sign(self) -> str:
        item = self.peek()
        if item is not None and self.strength(item) == n.SUM and item.text in (*n.SIGNS, "\u2212"):
            self.k += 1
            return _minus(item.text)
        return ""

    def binary(self, level: int) -> Tree:
        """Factors joined by operators of one level; juxtaposition belongs to the strongest."""
        start = item.start if (item := self.peek()) else 0
        below: Callable[[], Tree] = self.operand if level == n.PRODUCT else lambda: self.binary(n.PRODUCT)
        factors = [("", below())]
        while (item := self.soft()) is not None:
            if self.strength(item) == level and not (self.inside and self.has_quad()):
                self.skip_soft()
                self.k += 1
                self.skip_soft()
                mark = self.peek()
                sign = self.sign()
                factor = below()
                if sign and mark:
                    factor = Additive(((sign, factor),), span=self.since(mark.start))
                factors.append((item.text, factor))
            elif level == n.PRODUCT and item is self.peek() and self.starts_operand(item):
                factors.append(("", below()))
            elif level == n.PRODUCT and not self.inside and self.continues_product(item):
                self.skip_soft()
                factors.append(("", below()))
            else:
                break
        if len(factors) == 1:
            return factors[0][1]
        return Product(tuple(factors), span=self.since(start))

    # -- operands -----------------------------------------------------------------------------

    def operand(self) -> Tree:
        item = self.peek()
        if item is None:
            raise self.fail(None, "the formula ends where an operand is due")
        if item.base.kind == "command" and item.base.text in n.BIG:
            return self.big(item)
        if item.base.kind in ("char", "command") and (item.base.text in n.OPENING or item.base.text in n.BARS):
            return self.bracket(item)
        self.k += 1
        tree = self.scripted(item, self.simple(item.base)) if item.kind == "script" else self.simple(item)
        return self.applied(item, tree)

    def scripted(self, item: Item, base: Tree) -> Tree:
        if item.kind != "script":
            return base
        sub = self.sub_tree(item.sub)
        sup = self.sub_tree(item.sup)
        span = self.span(item.start, item.end)
        if isinstance(base, Brace) and base.label is None and item.sup is None:
            return Brace(base.kind, base.body, sub, span=span)
        if isinstance(base, Brace) and base.label is None and item.sub is None:
            return Brace(base.kind, base.body, sup, span=span)
        return Script(base, sub, sup, len(item.text), span=span)

    def sub_tree(self, item: Item | None) -> Tree | None:
        if item is None:
            return None
        if item.kind in ("char", "command") and not (item.text in n.OPENING or item.text in n.SYMBOLS):
            if item.text in n.BINARY:
                return Name(item.text, span=self.span(item.start, item.end))
        if item.kind == "group":
            return self.whole(item)
        return _Parser(prepare((item,), self.words), self.places, self.words).listing_whole()

    def whole(self, item: Item) -> Tree:
        """The tree of a group's whole inside."""
        if not item.parts:
            return Empty(span=self.span(item.start, item.end))
        if len(item.parts) == 1 and item.parts[0].kind in ("char", "command") and item.parts[0].text in n.BINARY:
            only = item.parts[0]
            return Name(only.text, span=self.span(only.start, only.end))
        return self.within(item).listing_whole()

    def listing_whole(self) -> Tree:
        if not self.items:
            return Empty()
        tree = self.listing()
        if (item := self.peek()) is not None:
            raise self.fail(item, f"cannot read {seen(item)} here")
        return tree

    def listing(self) -> Tree:
        """Expressions or relations separated by commas, semicolons, conditional bars or \\quad."""
        start = item.start if (item := self.peek()) else 0
        items: list[Tree] = []
        seps: list[str] = []
        while True:
            self.skip_soft()
            items.append(self.everything() or self.chain())
            sep = self.separator()
            if sep is None:
                break
            seps.append(sep)
        if not seps:
            return items[0]
        return Listing(tuple(items), tuple(seps), span=self.since(start))

    def separator(self) -> str | None:
        item = self.soft()
        if item is None:
            return None
        if item.kind in ("char", "command"):
            if item.text in (",", ";", ":"):
                self.skip_soft()
                self.k += 1
                return item.text
            if item.text in n.CONDITIONAL_BARS and n.BARS.get(item.text, "|") not in self.closers[-1:]:
                self.skip_soft()
                self.k += 1
                return "|"
        if self.has_quad() and not (item.kind in ("char", "command") and item.text in n.CLOSING):
            self.skip_soft()
            return "\\quad"
        return None

    def bracket(self, opening: Item) -> Tree:
        """A bracket written without \\left, matched here; scripts may hang on its closing half."""
        text = opening.base.text
        if opening.kind == "script":
            raise self.fail(opening, f"a script on the opening '{text}' is not read")
        want = n.OPENING.get(text) or n.BARS[text]
        self.k += 1
        self.closers.append(want)
        outer, self.inside = self.inside, True
        body: Tree = Empty(span=self.span(opening.end, opening.end))
        self.skip_soft()
        if (first := self.peek()) is not None and not self.closes(first, want):
            body = self.listing()
        self.skip_soft()
        self.closers.pop()
        self.inside = outer
        closing = self.peek()
        if closing is None:
            raise self.unclosed(opening)
        if not self.closes(closing, want):
            raise self.fail(closing, f"cannot read {seen(closing)} inside '{text}'")
        self.k += 1
        close = n.CANONICAL_FENCE.get(closing.base.text, closing.base.text)
        span = self.span(opening.start, closing.base.end)
        fence = Fence(n.CANONICAL_FENCE.get(text, text), body, close, span=span)
        if closing.kind == "script":
            return self.scripted(
                Item("script", closing.text, opening.start, closing.end, (), closing.sub, closing.sup), fence
            )
        return fence

    def big(self, item: Item) -> Tree:
        self.k += 1
        self.skip_soft()
        mark = self.peek()
        sign = self.sign()
        body = self.binary(n.HADAMARD)
        if sign and mark:
            body = Additive(((sign, body),), span=self.since(mark.start))
        sub, sup = (self.sub_tree(item.sub), self.sub_tree(item.sup)) if item.kind == "script" else (None, None)
        return Big(item.base.text, sub, sup, body, span=self.since(item.start))

    def applied(self, item: Item, fn: Tree) -> Tree:
        """A named function takes its bracket, or the factors that stand beside it up to the next function."""
        base = item.base
        named = base.kind == "command" and base.text[1:] in (n.FUNCTIONS | n.LIMIT_FUNCTIONS)
        head = fn.base if isinstance(fn, Script) else fn
        worded = isinstance(head, Word)
        if not named and not worded:
            return fn
        follower = self.peek()
        if follower is None or not self.starts_operand(follower):
            return fn
        if self.is_bracket(follower):
            arg = self.operand()
            return _call(fn, arg, self.since(item.start))
        if isinstance(head, Word) and head.text not in n.WORDS:
            return fn
        factors = [("", self.operand())]
        while (more := self.peek()) and self.starts_operand(more) and not self.is_function(more):
            factors.append(("", self.operand()))
        span = self.span(follower.start, self.items[self.k - 1].end)
        arg = factors[0][1] if len(factors) == 1 else Product(tuple(factors), span=span)
        return Call(fn, arg, span=self.since(item.start))

    def simple(self, item: Item) -> Tree:
        """An item that stands for itself."""
        span = self.span(item.start, item.end)
        if item.kind == "letter":
            return Name(n.TYPED.get(item.text, item.text), span=span)
        if item.kind == "number":
            return Num(item.text, span=span)
        if item.kind in ("text", "word"):
            return Word(word_text(item.text), span=span)
        if item.kind == "empty":
            return Empty(span=span)
        if item.kind in ("char", "command"):
            return self.symbol(item, span)
        if item.kind in ("amp", "break", "quad"):
            raise Placed("SR102", f"cannot read '{item.text}' here", span)
        return getattr(self, f"_{item.kind}")(item, span)  # type: ignore[no-any-return]

    def symbol(self, item: Item, span: Span) -> Tree:
        text = item.text
        if text in n.DOTS:
            return Dots(span=span)
        if text in ("\\cdot", "?", "*", "\\bullet") or text[1:] in n.SYMBOLS | n.FUNCTIONS | n.LIMIT_FUNCTIONS:
            return Name(text, span=span)
        if item.kind == "command":
            raise Placed("SR102", f"the command '{text}' is not known here", span)
        raise Placed("SR102", f"cannot read '{text}' here", span)

    def _group(self, item: Item, span: Span) -> Tree:
        return self.visible(self.whole(item), span)

    def _fenced(self, item: Item, span: Span) -> Tree:
        opening, closing = (n.CANONICAL_FENCE.get(t, t) for t in item.text.split("\n"))
        inner = self.within(item)
        inner.inside = True
        inner.closers.append(n.BARS.get(closing, closing))
        body = inner.listing_whole() if inner.items else Empty(span=span)
        return Fence(opening, body, closing, span=span)

    def _one(self, item: Item, span: Span) -> Tree:
        name = item.text
        if name == "sqrt":
            index = self.whole(item.parts[1]) if len(item.parts) > 1 else None
            return Sqrt(self.part(item.parts[0]), index, span=span)
        if name in n.STYLES:
            return self.styled(item.parts[0], n.STYLES[name], span)
        if name in n.ACCENTS:
            return Accent(n.ACCENTS[name], self.part(item.parts[0]), span=span)
        if name in n.BRACES:
            return Brace(name, self.part(item.parts[0]), None, span=span)
        if name in n.TRANSPARENT:
            return self.part(item.parts[0])
        return Decor(name, self.part(item.parts[0]), Empty(), span=span)

    def styled(self, item: Item, style: str, span: Span) -> Tree:
        letters = item.parts if item.kind == "group" else (item,)
        if style == "rm" and letters and all(i.kind in ("letter", "digit") for i in letters):
            return Word("".join(i.text for i in letters), span=span)
        tree = restyle(self.part(item), style)
        return tree.at(span) if isinstance(tree, (Name, Num)) else tree

    def part(self, item: Item) -> Tree:
        """The tree of a command's argument."""
        tree = self.sub_tree(item)
        assert tree is not None
        return tree

    def _two(self, item: Item, span: Span) -> Tree:
        one, two = self.part(item.parts[0]), self.part(item.parts[1])
        return Frac(one, two, span=span) if item.text in n.FRACTIONS else Decor(item.text, one, two, span=span)

    def _environment(self, item: Item, span: Span) -> Tree:
        env = item.text.removesuffix("*")
        if env not in n.MATRICES:
            if item.text in n.ALIGNMENTS:
                return self.within(item).listing_whole()
            raise Placed("SR102", f"the environment '{item.text}' is not known", span)
        rows: list[list[list[Item]]] = [[[]]]
        for part in item.parts:
            if part.kind == "break":
                rows.append([[]])
            elif part.kind == "amp":
                rows[-1].append([])
            else:
                rows[-1][-1].append(part)
        cells = tuple(tuple(self.cell(c, item) for c in row) for row in rows if any(row))
        return Matrix(env, cells, span=span)

    def cell(self, items: list[Item], env: Item) -> Tree:
        inner = _Parser(prepare(items, self.words), self.places, self.words)
        if not inner.items:
            return Empty(span=self.span(env.start, env.end))
        found = inner.statements()
        return found.items[0] if len(found.items) == 1 else found


def _minus(text: str) -> str:
    return "-" if text == "\u2212" else text


def _call(fn: Tree, arg: Tree, span: Span) -> Tree:
    """``f(x)^2``: the script belongs to the value of the call."""
    if isinstance(arg, Script) and isinstance(arg.base, Fence):
        inner = Call(fn, arg.base, span=Span(span.start, arg.base.span.end))
        return Script(inner, arg.sub, arg.sup, arg.primes, span=span)
    return Call(fn, arg, span=span)
