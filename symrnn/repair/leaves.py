"""Slips in one symbol: an index, a step, a letter, a sign, an exponent, a limit, a function."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from symrnn.elaborate.names import head, is_transpose
from symrnn.elaborate.scope import to_index
from symrnn.latex import tree as t
from symrnn.repair.moves import Generator, Move, Page, in_name
from symrnn.repair.vocabulary import region, subscript_end

_LETTERS_TRIED = 4
_SYMBOLS_TRIED = 8
_FAMILY_TRIED = 12
_SCALARS_TRIED = 3
_FUNCTION_SWAPS = {
    "\\exp": ("\\ln", "\\log"), "\\ln": ("\\exp",), "\\log": ("\\exp",), "\\tanh": ("\\sigma", "\\exp"),
    "\\sin": ("\\cos",), "\\cos": ("\\sin",),
}  # fmt: skip


def _indices(page: Page, node: t.Tree) -> list[tuple[int, int]]:
    """The places of a printed name's component indices; two digits that stand together are two."""
    known = page.words.context.names.match(node)
    found = page.words.indices(node)
    places = []
    for k, index in enumerate(found):
        start, end = index.span.start, index.span.end
        if known is not None and len(found) == 2 and found[0].span == found[1].span and end - start == 2:
            start, end = start + k, start + k + 1
        places.append((start, end))
    return places


def index(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """Another letter or number as an index; two indices exchanged, with the sum's limit that then fits."""
    places = _indices(page, node) if isinstance(node, t.Script) else []
    bound = page.bound(above)
    letters = list(dict.fromkeys([*bound, *page.letters, *page.words.letters]))
    lengths = _lengths(page, node, len(places))
    for (start, end), length in zip(places, lengths, strict=True):
        old = page.latex[start:end]
        for new in (*map(str, range(1, length + 1)), *letters[:_LETTERS_TRIED]):
            if new != old:
                yield Move("index", ((start, end, new),), sign=(old, new))
    if len(places) == 2:
        (a, b), (c, d) = places
        one, two = page.latex[a:b], page.latex[c:d]
        swap = ((a, b, two), (c, d, one))
        yield Move("order of indices", swap, sign=(f"{one},{two}",))
        for node_ in reversed(above):
            if isinstance(node_, t.Big) and node_.sup is not None and node_.sub is not None:
                names = {x.text for x in node_.sub.walk() if isinstance(x, t.Name)}
                if names & {one, two}:
                    for limit in page.words.axes():
                        if limit != page.text(node_.sup):
                            edit = (node_.sup.span.start, node_.sup.span.end, limit)
                            yield Move("order of indices", (*sorted((*swap, edit)),), opens=True)


def _lengths(page: Page, node: t.Tree, count: int) -> list[int]:
    """How far the numbers go that can stand for each index of a name."""
    most = len(page.words.numbers)
    known = page.words.context.names.match(node)
    axes = [] if known is None else [d for d in known.symbol.shape if d != 1]
    sizes = [d if isinstance(d, int) else page.words.context.sizes.get(d, most) for d in axes]
    return [min(most, s) for s in sizes] if len(sizes) == count else [most] * count


def step(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """Another step; a step that a per-step copy lacks; a step too much."""
    known = page.words.context.names.match(node) if isinstance(node, (t.Script, t.Name, t.Accent)) else None
    if known is None or in_name(node, above):
        return
    place = _step_place(page, node, known)
    if place is not None:
        start, end = place
        old = page.latex[start:end]
        options = dict.fromkeys([*_shifts(old), *_times(page)])
        for new in options:
            if new.replace(" ", "") != old.replace(" ", ""):
                bare = page.latex[start - 1] in "_^" and len(new) > 1 and not re.fullmatch(r"\\[A-Za-z]+", new)
                yield Move("time step", ((start, end, f"{{{new}}}" if bare else new),), sign=(old, new))
    elif page.words.context.names.timed and not known.symbol.timed and _derived_by(node, above):
        end = region(page.latex, node, known)[1] if not isinstance(node, t.Script) else node.span.end
        if not isinstance(node, t.Script) or node.sup is None:
            for time in _times(page):
                yield Move("time step", ((end, end, f"^{{({time})}}"),), sign=(known.symbol.name, time))
    if isinstance(node, t.Script) and isinstance(node.sup, t.Fence) and to_index(node.sup) is not None:
        whole = _script_start(page, node.sup)
        if whole is not None:
            mark, stop = whole
            yield Move("time step", ((mark, stop, ""),), sign=(page.latex[mark:stop], ""))


def _derived_by(node: t.Tree, above: tuple[t.Tree, ...]) -> bool:
    """Whether a name is what a derivative is taken by: there, and only there, a step's copy differs from the whole."""
    for parent, child in zip(reversed(above), [node, *reversed(above)], strict=False):
        if isinstance(parent, t.Frac):
            return child is parent.den
        if isinstance(parent, t.Script) and parent.base == t.Name("\\nabla"):
            return child is parent.sub
    return False


def _script_start(page: Page, sup: t.Tree) -> tuple[int, int] | None:
    """The place of a whole superscript, from its ``^`` to its closing brace."""
    start, end = sup.span.start, sup.span.end
    if page.latex[start - 1 : start] == "{" and page.latex[end : end + 1] == "}":
        start, end = start - 1, end + 1
    if page.latex[start - 1 : start] == "^":
        return start - 1, end
    return None


def _step_place(page: Page, node: t.Tree, known: object) -> tuple[int, int] | None:
    """Where the step of a name is printed."""
    time = getattr(known, "time", None) or getattr(known, "copy", None)
    if time is None or not isinstance(node, t.Script):
        return None
    found = head(node)
    assert found is not None
    for script in (*found.sups, *found.subs):
        body = script.body if isinstance(script, t.Fence) else script
        if to_index(body) == time:
            return body.span.start, body.span.end
    return None


def _times(page: Page) -> list[str]:
    """The steps that the line itself prints, the generic step, the last, and the steps beside them."""
    steps = page.words.context.manifest.steps
    own = [text for text, _ in page.words.steps.most_common(4)]
    return list(dict.fromkeys([*own, steps.index, steps.last, f"{steps.index}-1", f"{steps.last}-1"]))


def _shifts(old: str) -> list[str]:
    plain = old.replace(" ", "")
    base = plain.split("+")[0].split("-")[0]
    return [base, f"{base}-1", f"{base}+1"] if base and not base.isdigit() else []


def letter(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """One letter for another that the document uses in such a place (b for h, V for v)."""
    if not isinstance(node, (t.Script, t.Name, t.Accent, t.Word)) or in_name(node, above):
        return
    found = head(node)
    if found is None:
        return
    known = page.words.context.names.match(node)
    if known is not None:
        start, end = region(page.latex, node, known)
        wanted = (len(known.indices), getattr(known, "time", None) is not None or known.copy is not None)
    else:
        base = node.base if isinstance(node, t.Script) else node
        start, end = base.span.start, base.span.end
        old = page.latex[start:end]
        letters = dict.fromkeys(re.split(r"[_^]", s.text)[0] for s, _ in page.words.spellings.most_common())
        for new in [x for x in letters if x != old][: 2 * _SYMBOLS_TRIED]:
            yield Move("symbol", ((start, end, new),), sign=(old, new))
        return
    old = page.latex[start:end]
    if len(known.indices) == sum(d != 1 for d in known.symbol.shape):  # a scalar: another one
        for whole in [text for text, _ in page.words.scalars.most_common(_SCALARS_TRIED)]:
            if whole != page.text(node):
                yield Move("symbol", ((node.span.start, node.span.end, whole),), sign=(page.text(node), whole))
    seen = {old}
    for spelling, _ in page.words.spellings.most_common():
        if len(seen) > _SYMBOLS_TRIED:
            return
        loose = spelling.indices == wanted[0] and (spelling.timed == wanted[1] or not spelling.symbol.timed)
        if loose and spelling.text not in seen:
            seen.add(spelling.text)
            yield Move("symbol", ((start, end, spelling.text),), sign=(old, spelling.text))


def family(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """Another name of a family, where a label tells them apart: ``W_h`` for ``W_z``, ``z_{rt}`` for ``z_{zt}``."""
    if not isinstance(node, t.Script) or node.sub is None or in_name(node, above) or (name := head(node)) is None:
        return
    start, end = node.span.start, subscript_end(page.latex, node.sub)
    if node.sup is None or node.sup.span.start > end:
        old = page.latex[start:end]
        for new, _ in page.words.families.get(name.key, Counter()).most_common(_FAMILY_TRIED):
            if new != old:
                yield Move("symbol", ((start, end, new),), sign=(old, new))


def number(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A wrong number or exponent; 1 for an indicator."""
    if not isinstance(node, t.Num) or not above or node.span.end <= node.span.start:
        return
    parent = above[-1]
    exponent = isinstance(parent, t.Script) and parent.sup is node
    if isinstance(parent, t.Script) and not exponent:
        return
    if any(isinstance(a, t.Script) and a.sub is not None and node in list(a.sub.walk()) for a in above[-2:]):
        return
    value = Fraction(node.text)
    options = {value + 1, value - 1, Fraction(2), Fraction(1), *([] if exponent else [Fraction(0)])} - {value}
    for new in sorted(options):
        if new >= (2 if exponent else 0) and new.denominator == 1:
            slip = "exponent" if exponent else "number"
            yield Move(slip, ((node.span.start, node.span.end, str(new)),), sign=(node.text, str(new)))
    if exponent:
        place = _script_start(page, node)
        if place is not None:
            yield Move("exponent", ((*place, ""),), sign=(node.text, ""))
    elif node.text == "1":
        for letter_ in page.bound(above)[:2]:
            for other in [text for text, _ in page.words.indicators.most_common()] + ["1"]:
                text = f"\\mathbb{{1}}_{{{letter_}, {other}}}"
                yield Move("indicator", ((node.span.start, node.span.end, text),))


def limit(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """Another limit of a sum."""
    if not isinstance(node, t.Big):
        return
    if node.sup is not None:
        old = page.text(node.sup)
        last = page.words.context.manifest.steps.last
        for new in dict.fromkeys([*page.words.axes(), *_shifts(old), last]):
            if new != old:
                yield Move("sum limits", ((node.sup.span.start, node.sup.span.end, new),), sign=(old, new))
    if isinstance(node.sub, t.Chain) and len(node.sub.links) == 2:
        low = node.sub.links[1][1]
        old = page.text(low)
        for new in dict.fromkeys(["1", "0", "2", page.words.context.manifest.steps.index, *_shifts(old)]):
            if new != old:
                yield Move("sum limits", ((low.span.start, low.span.end, new),), sign=(old, new))


def power(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A square that is missing, a transpose added or dropped."""
    if in_name(node, above):
        return
    spelled = page.words.transpose
    if isinstance(node, t.Script) and node.sup is not None and is_transpose(node.sup):
        place = _script_start(page, node.sup)
        if place is not None:
            yield Move("transpose", ((*place, ""),), sign=("^T", ""))
        return
    if isinstance(node, t.Script) and isinstance(node.sup, t.Product) and is_transpose(node.sup.factors[-1][1]):
        last = node.sup.factors[-1][1]
        yield Move("transpose", ((last.span.start, last.span.end, ""),), sign=("^T", ""))
        return
    named = isinstance(node, (t.Script, t.Name, t.Accent)) and page.words.context.names.match(node) is not None
    start, end = node.span.start, node.span.end
    if end <= start or not (named or (isinstance(node, t.Fence) and node.open in ("(", "[") and _stands(above))):
        return
    if isinstance(node, t.Script) and node.sup is not None:
        yield Move("transpose", ((start, start, "("), (end, end, f")^{spelled}")), sign=("", "^T"))
        yield Move("exponent", ((start, start, "("), (end, end, ")^2")), sign=(page.text(node), "^2"))
    else:
        yield Move("transpose", ((end, end, f"^{spelled}"),), sign=("", "^T"))
        yield Move("exponent", ((end, end, "^2"),), sign=(page.text(node), "^2"))


def _stands(above: tuple[t.Tree, ...]) -> bool:
    """A bracket that groups, not the argument of a function or a step."""
    return bool(above) and not isinstance(above[-1], (t.Call, t.Script))


def function(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """Another function."""
    if isinstance(node, t.Call):
        fn = node.fn.base if isinstance(node.fn, t.Script) else node.fn
        old = page.text(fn)
        used = [text for text, _ in page.words.functions.most_common(8)]
        for new in dict.fromkeys([*used, *_FUNCTION_SWAPS.get(old, ())]):
            if new != old and old:
                yield Move("function", ((fn.span.start, fn.span.end, new),), sign=(old, new))
    elif isinstance(node, (t.Script, t.Name, t.Accent)) and not in_name(node, above) and above:
        if page.words.context.names.match(node) is not None and not isinstance(above[-1], t.Call):
            for new, _ in page.words.functions.most_common(4):
                start, end = node.span.start, node.span.end
                yield Move("function", ((start, start, new + "("), (end, end, ")")), 2)


def sign(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A sign turned; all signs of a sum turned; a sign before a side of the equation."""
    if isinstance(node, t.Additive):
        turned = []
        for k, (mark, term) in enumerate(node.terms):
            edit = _turned(page, node, k, mark, term)
            if edit is not None:
                turned.append(edit)
                yield Move("sign", (edit,))
                if k == 0 and mark == "+":
                    yield Move("sign", ((*edit[:2], "-"),))
        if len(turned) == len(node.terms) > 1:
            yield Move("sign", tuple(turned))
    elif above and isinstance(above[-1], t.Chain) and node.span.end > node.span.start:
        if node is not above[-1].links[0][1] or above[-1].links[0][0]:
            yield Move("sign", ((node.span.start, node.span.start, "-"),))
    if isinstance(node, t.Product):
        for (op, factor), (_, before) in zip(node.factors[1:], node.factors, strict=False):
            if not op and factor.span.start >= before.span.end > 0:
                yield Move("sign", ((factor.span.start, factor.span.start, "- "),))
                yield Move("sign", ((factor.span.start, factor.span.start, "+ "),))


def _turned(page: Page, node: t.Additive, k: int, mark: str, term: t.Tree) -> tuple[int, int, str] | None:
    if mark == "":
        return term.span.start, term.span.start, "-"
    low = node.span.start if k == 0 else node.terms[k - 1][1].span.end
    place = page.latex.find(mark, low, max(term.span.start, low))
    if place < 0 or mark not in "+-":
        return None
    if k == 0:
        return place, place + 1, ""
    return place, place + 1, "-" if mark == "+" else "+"


LEAVES: tuple[Generator, ...] = (sign, index, step, letter, family, number, limit, power, function)
COUNTED: tuple[Generator, ...] = (sign, index, step, number)  # what goes wrong where components and steps are counted
