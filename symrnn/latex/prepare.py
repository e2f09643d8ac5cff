"""Small mendings of the item sequence before precedence: numbers, words, splices, trailing marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from symrnn.latex import notation as n
from symrnn.latex.surface import Item

_JOINED = (("...", "..."), ("..", ".."), (":=", ":="), (".*", ".*"))


def word_text(text: str) -> str:
    r"""The words inside ``\text{…}``, or the text itself."""
    if text.startswith("\\") and "{" in text:
        text = text.split("{", 1)[1].rsplit("}", 1)[0]
    return " ".join(text.replace("$", "").replace("~", " ").split())


def is_prose(item: Item) -> bool:
    r"""Whether ``\text{…}`` holds words between statements rather than a name."""
    if item.kind != "text" or item.text.startswith("\\operatorname"):
        return False
    words = word_text(item.text).strip(" .,;:").split()
    return len(words) != 1 or words[0].lower() in n.CONNECTIVES


def prepare(items: Sequence[Item], words: frozenset[str]) -> tuple[Item, ...]:
    """Splice alignments and boxes, join digits, dotted operators and known words, drop ``&`` and closing marks."""
    flat = list(_spliced(items, words))
    joined = list(_joined(flat, words))
    while joined and (joined[-1].kind in ("break", "quad") or (joined[-1].kind == "char" and joined[-1].text in ".,;")):
        joined.pop()
    return tuple(joined)


def _spliced(items: Sequence[Item], words: frozenset[str]) -> Iterator[Item]:
    for k, item in enumerate(items):
        if item.kind == "environment" and item.text in n.ALIGNMENTS:
            yield from _spliced(item.parts, words)
        elif item.kind == "one" and item.text in n.TRANSPARENT and item.parts[0].kind == "group":
            yield from _spliced(item.parts[0].parts, words)
        elif item.kind == "group" and item.parts and _switch(item.parts[0]):
            style = n.STYLE_SWITCHES[item.parts[0].text[1:]]
            inner = Item("group", "", item.start, item.end, item.parts[1:])
            name = n.STYLE_PRINT.get(style, "mathit")
            yield Item("one", name, item.start, item.end, (inner,))
        elif _switch(item):
            style = n.STYLE_PRINT.get(n.STYLE_SWITCHES[item.text[1:]], "mathit")
            rest = tuple(items[k + 1 :])
            if rest:
                yield Item(
                    "one",
                    style,
                    item.start,
                    rest[-1].end,
                    (Item("group", "", rest[0].start, rest[-1].end, rest),),
                )
            return
        elif item.kind == "fenced" and item.text.endswith("\n."):
            yield from _reunited(items, k, words)
            return
        elif item.kind == "group" and not item.parts and len(items) > 1:
            continue  # {} prints nothing
        elif item.kind != "amp" or _between(items, k):
            yield item


def _between(items: Sequence[Item], k: int) -> bool:
    """Whether an alignment mark stands between two factors, where it joins nothing: ``b & c`` is no product."""
    around = [items[j] for j in (k - 1, k + 1) if 0 <= j < len(items)]
    return len(around) == 2 and all(map(_factor, around))


def _factor(item: Item) -> bool:
    base = item.base
    if base.kind in ("amp", "break", "quad") or (base.kind == "text" and is_prose(base)):
        return False
    if base.kind in ("char", "command"):
        marks = (n.RELATIONS, n.BINARY, n.IMPLICATIONS, n.QUANTIFIERS, ".,;:")
        return not any(base.text in m for m in marks)
    return not (base.kind == "two" and base.text in n.DECORATIONS)


def _switch(item: Item) -> bool:
    return item.kind == "command" and item.text[1:] in n.STYLE_SWITCHES


def _reunited(items: Sequence[Item], k: int, words: frozenset[str]) -> Iterator[Item]:
    r"""``\left( A \right. \\ \left. B \right)`` is one bracket broken over rows."""
    first = items[k]
    for j in range(k + 1, len(items)):
        other = items[j].base
        if other.kind == "fenced" and other.text.startswith(".\n"):
            between = tuple(i for i in items[k + 1 : j] if i.kind not in ("break", "amp", "quad"))
            delimiters = first.text.split("\n")[0] + "\n" + other.text.split("\n")[1]
            whole = Item("fenced", delimiters, first.start, other.end, (*first.parts, *between, *other.parts))
            if items[j].kind == "script":
                s = items[j]
                whole = Item("script", s.text, first.start, s.end, (whole,), s.sub, s.sup)
            yield from _spliced((whole, *items[j + 1 :]), words)
            return
    yield first
    yield from _spliced(items[k + 1 :], words)


def _joined(items: list[Item], words: frozenset[str]) -> Iterator[Item]:
    k = 0
    while k < len(items):
        run = _number(items, k) or _word(items, k, words) or _operator(items, k)
        if run is None:
            yield items[k]
            k += 1
        else:
            yield run[0]
            k += run[1]


def _adjacent(items: list[Item], k: int, kinds: frozenset[str]) -> list[Item]:
    """The maximal run of touching items of these kinds from ``k`` on; scripts may hang on its last."""
    run: list[Item] = []
    for item in items[k:]:
        if item.base.kind not in kinds or (run and (run[-1].kind == "script" or run[-1].end != item.start)):
            break
        run.append(item)
    return run


def _joint(run: list[Item], kind: str) -> tuple[Item, int]:
    last = run[-1]
    base = Item(kind, "".join(i.base.text for i in run), run[0].start, last.base.end)
    if last.kind == "script":
        base = Item("script", last.text, base.start, last.end, (base,), last.sub, last.sup)
    return base, len(run)


def _number(items: list[Item], k: int) -> tuple[Item, int] | None:
    if items[k].base.kind != "digit":
        return None
    run = _adjacent(items, k, frozenset({"digit"}))
    rest = items[k + len(run) :]
    if run[-1].kind == "digit" and len(rest) > 1 and rest[0].kind == "char" and rest[0].text == ".":
        tail = _adjacent(items, k + len(run) + 1, frozenset({"digit"}))
        if tail and rest[0].start == run[-1].end and tail[0].start == rest[0].end:
            run = [*run, rest[0], *tail]
    return _joint(run, "number")


def _word(items: list[Item], k: int, words: frozenset[str]) -> tuple[Item, int] | None:
    if items[k].kind != "letter":
        return None
    run = _adjacent(items, k, frozenset({"letter"}))
    for size in range(len(run), 1, -1):
        text = "".join(i.base.text for i in run[:size])
        if text in words or (text in n.WORDS and (size == len(run) or text not in ("in", "a"))):
            if any(i.kind == "script" for i in run[: size - 1]):
                continue
            return _joint(run[:size], "word")
    return None


def _operator(items: list[Item], k: int) -> tuple[Item, int] | None:
    for text, joined in _JOINED:
        part = items[k : k + len(text)]
        touching = all(a.end == b.start for a, b in pairwise(part))
        if touching and all(i.kind == "char" for i in part) and "".join(i.text for i in part) == text:
            return Item("char", joined, part[0].start, part[-1].end), len(text)
    return None
