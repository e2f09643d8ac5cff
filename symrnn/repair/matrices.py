"""Slips in a matrix that is written out: an entry that leaves the pattern, rows or columns that have changed places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import product

from symrnn.latex import tree as t
from symrnn.repair.moves import Edit, Generator, Move, Page

_TOKENS = re.compile(r"\\[A-Za-z]+|\\.|\d|\s+|.", re.S)
_LARGEST = 144  # entries


def entry(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """An entry as the other rows and columns foretell it: as B becomes C along its row, A becomes this one."""
    cells = _cells(page, node)
    texts = [[page.latex[a:b].strip() for a, b in row] for row in cells]
    for i, j in product(range(len(cells)), range(len(cells[0]) if cells else 0)):
        votes = Counter(
            found
            for p, q in product(range(len(cells)), range(len(cells[0])))
            if p != i and q != j and (found := _analogy(texts[i][q], texts[p][q], texts[p][j])) is not None
        )
        if 1 in (len(cells), len(cells[0])):  # a vector: as it goes on from either side
            line, k = [text for row in texts for text in row], i + j
            around = [line[max(k - 2, 0) : k], line[k + 1 : k + 3][::-1]]
            votes = Counter({found: 2 for pair in around if len(pair) == 2 and (found := _next(*pair)) is not None})
        for found, count in votes.most_common(1):
            if found != texts[i][j] and count > 1:
                yield Move("entry", ((*cells[i][j], found if texts[i][j] else f" {found} "),))


def exchange(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """Two neighbouring rows or columns exchanged; rows for columns."""
    cells = _cells(page, node)
    if not cells:
        return
    height, width = len(cells), len(cells[0])
    for i in range(height - 1):
        yield _moved(page, cells, {(i, j): (i + 1, j) for j in range(width)})
    for j in range(width - 1):
        yield _moved(page, cells, {(i, j): (i, j + 1) for i in range(height)})
    if height > 1 and width > 1:
        rows = [" & ".join(page.latex[a:b].strip() for a, b in column) for column in zip(*cells, strict=True)]
        yield Move("transpose", ((cells[0][0][0], cells[-1][-1][1], " \\\\ ".join(rows)),))


def row(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A last row, or a last column, that goes on as those before it."""
    cells = _cells(page, node)
    if len(cells) < 2:
        return
    texts = [[page.latex[a:b].strip() for a, b in row] for row in cells]
    below = [_next(one, two) for one, two in zip(texts[-2], texts[-1], strict=True)]
    end = cells[-1][-1][1]
    if None not in below:
        yield Move("entry", ((end, end, " \\\\ " + " & ".join(map(str, below))),))
    beside = [_next(line[-2], line[-1]) if len(line) > 1 else None for line in texts]
    if None not in beside:
        yield Move("entry", tuple((r[-1][1], r[-1][1], f" & {new}") for r, new in zip(cells, beside, strict=True)))


def _moved(page: Page, cells: list[list[tuple[int, int]]], pairs: dict[tuple[int, int], tuple[int, int]]) -> Move:
    edits: list[Edit] = []
    for (i, j), (p, q) in pairs.items():
        one, two = cells[i][j], cells[p][q]
        edits += [(*one, page.latex[slice(*two)]), (*two, page.latex[slice(*one)])]
    return Move("order", tuple(sorted(edits)))


def _cells(page: Page, node: t.Tree) -> list[list[tuple[int, int]]]:
    """The places of all entries of a rectangular matrix; an empty one stands after its mark."""
    if not isinstance(node, t.Matrix) or len({len(r) for r in node.rows}) != 1:
        return []
    if len(node.rows) * len(node.rows[0]) > _LARGEST or node.span.end <= node.span.start:
        return []
    found: list[list[tuple[int, int]]] = []
    last = page.latex.find("}", node.span.start) + 1
    for i, cells in enumerate(node.rows):
        found.append([])
        for j, cell in enumerate(cells):
            mark = "" if i == j == 0 else "&" if j else "\\\\"
            start = page.latex.find(mark, last) + len(mark)
            place = (start, start) if isinstance(cell, t.Empty) else (cell.span.start, cell.span.end)
            if place[0] < start or place[1] > node.span.end:
                return []
            found[-1].append(place)
            last = place[1]
    return found


def _analogy(a: str, b: str, c: str) -> str | None:
    """What is to ``a`` as ``c`` is to ``b``, where that is a change of single tokens."""
    at, bt, ct = (_TOKENS.findall(x) for x in (a, b, c))
    if not len(at) == len(bt) == len(ct) or not at:
        return None
    if any(x != y != z for x, y, z in zip(at, bt, ct, strict=True)):
        return None
    return "".join(z if y != z else x for x, y, z in zip(at, bt, ct, strict=True))


def _next(one: str, two: str) -> str | None:
    """The entry after two: what has gone up or down by one goes on."""
    a, b = _TOKENS.findall(one), _TOKENS.findall(two)
    if len(a) != len(b):
        return None
    out = []
    for x, y in zip(a, b, strict=True):
        if x == y:
            out.append(y)
        elif x.isdigit() and y.isdigit() and abs(int(y) - int(x)) == 1:
            out.append(str(2 * int(y) - int(x)))
        else:
            return None
    return "".join(out)


MATRICES: tuple[Generator, ...] = (entry, exchange, row)
