"""One slip in a line that is true must not leave it true: an attack on false proofs.

A slip is a small edit of the author's LaTeX. Every mutant is judged in its place in the document: what was
proved, or true under a reading, must become refuted, ill-formed or undecided, and nothing may raise. The
few slips that leave a line true are listed in ``HARMLESS`` with the reason, found by hand. One thing is let
pass: where a slip mixes (t) and (τ), the line may be true «with (t) read as (τ)», never without.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from symrnn.checker import Checker
from symrnn.manifest import Manifest, load
from symrnn.read.document import Document, Formula, read_path
from symrnn.verdict import EquationReport, Kind

NOTE = Path(__file__).resolve().parent.parent / "derivations" / "bptt" / "note.md"
PASSED = (Kind.PROVED, Kind.CONDITIONAL)
LAST = "(t) read as (\\tau)"


# -- the pieces of a formula --------------------------------------------------------------------

_TOKEN = re.compile(r"\\(?:[a-zA-Z]+|.)|\s+|.", re.S)
_STYLED = re.compile(r"\\(?:hat|mathbf|mathbb|text)\b\s*(?=\{)|\\(?:begin|end)\{\w+\}")
_OPEN, _CLOSE = {"{", "(", "["}, {"}", ")", "]"}


def closing(text: str, start: int) -> int:
    """The place after the bracket that closes the one at ``start``; \\left and \\right are part of theirs."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        depth += (token[0] in _OPEN) - (token[0] in _CLOSE)
        if depth == 0 and token[0] in _CLOSE:
            return token.end()
    return len(text)


def factor(text: str, start: int) -> int | None:
    """The end of the factor that begins at ``start``: a name, a bracket, a function or an operator with what
    it acts on, a matrix, each with its scripts; None where none begins.
    """
    if text.startswith(r"\begin{pmatrix}", start):
        end = text.index(r"\end{pmatrix}", start) + len(r"\end{pmatrix}")
    elif found := re.compile(r"\\(?:frac|underbrace)(?=\{)").match(text, start):
        end = closing(text, found.end())
        if text[start + 1] == "f":
            end = closing(text, end)
    elif found := re.compile(r"\\(?:nabla|exp|ln|tanh|text\{diag\})").match(text, start):
        inner = factor(text, _blank(text, scripts(text, found.end())))
        return inner
    elif found := _STYLED.match(text, start):
        end = closing(text, found.end())
    elif found := re.compile(r"\\left(?=[(\[])|(?=[(\[])").match(text, start):
        end = closing(text, found.end())
    elif found := re.compile(r"[a-zA-Z0-9]").match(text, start):
        end = found.end()
    else:
        return None
    return scripts(text, end)


def scripts(text: str, end: int) -> int:
    while text[end : end + 1] in ("_", "^"):
        end = closing(text, end + 1) if text[end + 1] == "{" else _TOKEN.match(text, end + 1).end()  # type: ignore[union-attr]
    return end


def _blank(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at


def places(text: str) -> Iterator[int]:
    """Where a factor may begin: not inside the name of a command or of a font."""
    at = 0
    while at < len(text):
        yield at
        styled = _STYLED.match(text, at)
        if styled and not styled[0].startswith((r"\begin", r"\end")):
            at = closing(text, styled.end())
        else:
            at = (styled or re.compile(r"\\left[(\[]").match(text, at) or _TOKEN.match(text, at)).end()  # type: ignore[union-attr]


# -- slips --------------------------------------------------------------------------------------

Mutants = Iterator[str]
SLIPS: dict[str, Callable[[str], Mutants]] = {}


def slip(f: Callable[[str], Mutants]) -> Callable[[str], Mutants]:
    SLIPS[f.__name__.replace("_", " ")] = f
    return f


def swaps(text: str, pattern: str, *into: str | Callable[[re.Match[str]], str]) -> Mutants:
    """The text with one occurrence of a pattern replaced."""
    for found in re.finditer(pattern, text):
        for new in into:
            yield text[: found.start()] + (new if isinstance(new, str) else new(found)) + text[found.end() :]


def subscripts(text: str) -> Iterator[tuple[int, str]]:
    for found in re.finditer(r"_\{([^{}]*)\}|_(\d)", text):
        group = 1 if found[1] is not None else 2
        yield found.start(group), found[group]


@slip
def another_digit_in_an_index(text: str) -> Mutants:
    for at, index in subscripts(text):
        for k, c in enumerate(index):
            if c.isdigit():
                for new in sorted({1, 2, 3, int(c) + 1, max(int(c) - 1, 1)} - {int(c)}):
                    yield text[: at + k] + str(new) + text[at + k + 1 :]


@slip
def another_letter_in_an_index(text: str) -> Mutants:
    letters = set(re.findall(r"\\sum_\{?(\\?\w+)", text)) | {"i", "j"}
    for at, index in subscripts(text):
        for found in re.finditer(r"\\[a-z]+|[a-z]", index):
            if "=" in index or re.search(r"\\sum_\{?$", text[:at]):
                continue
            for new in [*sorted(letters - {found[0]}), "1"]:
                pad = " " if new[0] == "\\" else ""
                yield text[: at + found.start()] + new + pad + text[at + found.end() :]


@slip
def indices_in_the_other_order(text: str) -> Mutants:
    for at, index in subscripts(text):
        found = re.fullmatch(r"(\\[a-z]+|\d|[a-z])(,? ?)(\\[a-z]+|\d|[a-z])", index)
        if found and found[1] != found[3]:
            yield text[:at] + found[3] + (found[2] or " ") + found[1] + text[at + len(index) :]


@slip
def another_step(text: str) -> Mutants:
    yield from swaps(text, r"\(t\)", "(t-1)", "(t+1)", r"(\tau)", "(1)")
    yield from swaps(text, r"\(\\tau\)", r"(\tau-1)", "(t)", "(3)")
    yield from swaps(text, r"\(t-1\)", "(t)", "(t-2)")
    yield from swaps(text, r"\(t\+1\)", "(t)", "(t+2)")
    yield from swaps(text, r"\(\\tau-1\)", r"(\tau)", r"(\tau-2)", "(t-1)", "(2)")
    yield from swaps(text, r"\^\{\((?:t|\\tau)(?:[-+]1)?\)\}", "")


@slip
def a_transpose_less(text: str) -> Mutants:
    yield from swaps(text, r"\^\{?T\}?", "")


@slip
def a_transpose_more(text: str) -> Mutants:
    bracket = r"\((?:\\nabla|\\mathbf)[^()]*(?:\([^()]*\)[^()]*)*\)"
    yield from swaps(text, rf"(?:\\mathbf\{{[WUV]\}}|{bracket})(?!\s*[\^_])", lambda m: m[0] + "^T")


@slip
def the_other_sign(text: str) -> Mutants:
    for found in re.finditer(r"[-+]", text):
        if re.search(r"\^\{\([^)]*$", text[: found.start()]) is None:
            yield text[: found.start()] + "-+"[found[0] == "-"] + text[found.end() :]
            if found[0] == "-":
                yield text[: found.start()] + text[found.end() :]
    yield from swaps(text, r"=(?!\d)(?=\s*[^\s-])", "= -")


def factors(text: str) -> Iterator[tuple[int, int]]:
    for at in places(text):
        end = factor(text, at)
        if end is not None and (at == 0 or text[at - 1] not in "_^{"):
            yield at, end


@slip
def a_factor_less(text: str) -> Mutants:
    for at, end in factors(text):
        yield text[:at] + text[end:]


@slip
def a_factor_twice(text: str) -> Mutants:
    for at, end in factors(text):
        if not re.match(r"[01]$|\\mathbb", text[at:end]):
            yield text[:end] + " " + text[at:end] + text[end:]


@slip
def a_factor_more(text: str) -> Mutants:
    for at, end in factors(text):
        if not re.match("0$", text[at:end]):
            yield text[:end] + r" \left(b_1 + 2\right)" + text[end:]


@slip
def factors_in_the_other_order(text: str) -> Mutants:
    """Of two that do not commute by being numbers."""
    for at, end in factors(text):
        after = _blank(text, end)
        last = factor(text, after)
        if last is not None and all(r"\mathbf" in f or "pmatrix" in f for f in (text[at:end], text[after:last])):
            yield f"{text[:at]}{text[after:last]} {text[at:end]}{text[last:]}"


@slip
def another_power(text: str) -> Mutants:
    yield from swaps(text, r"(?<=\^)2", "3", "1", "{-2}")
    yield from swaps(text, r"\^2", "")


@slip
def another_name(text: str) -> Mutants:
    for old, new in ("Vv", "VW", "WV", "WU", "UW", "UV", "hb", "ho", "oh", "ha", "bc", "cb", "bh", "xh", "hx", "ob"):
        yield from swaps(text, rf"(?<=\\mathbf\{{){old}(?=\}})", new)
    for old, new in ("hb", "hx", "ho", "ha", "vw", "wv", "wu", "uw", "cb", "bc", "xh", "oh", "oa", "co", "bh", "ao"):
        yield from swaps(text, rf"(?<![\\a-zA-Z]){old}(?=[_^])", new)
    yield from swaps(text, r"\\hat\{y\}", "y", "o")
    yield from swaps(text, r"(?<![{a-z])y(?=_)", r"\hat{y}")
    yield from swaps(text, r"L(?=\^\{\((?:t|\\tau))", "h_1")
    yield from swaps(text, r"(?<![a-zA-Z])L(?!\^)", "L^{(t)}", r"L^{(\tau)}")


@slip
def other_limits(text: str) -> Mutants:
    yield from swaps(text, r"(?<==1\}\^)\d", lambda m: str(int(m[0]) - 1), lambda m: str(int(m[0]) + 1))
    yield from swaps(text, r"(?<=\\sum_\{)(\w+|\\\w+)=1(?=\})", lambda m: m[1] + "=2", lambda m: m[1] + "=0")
    steps = r"\\sum_t(?:\^\{?\\tau\}?)?(?![\w\\])"
    yield from swaps(text, steps, r"\sum_{t=2}^\tau", r"\sum_{t=1}^{\tau-1}", r"\sum_t^t", r"\sum_{t=1}^3")
    yield from swaps(text, r"\\sum_(?:\{[^{}]*\}|\w)(?:\^(?:\d|\\tau))?", "")


@slip
def another_function(text: str) -> Mutants:
    yield from swaps(text, r"\\exp(?=\W)", r"\ln ", r"\tanh ", "")
    yield from swaps(text, r"\\ln(?=\W)", r"\exp ", "")
    yield from swaps(text, r"\\tanh(?=\W)", r"\exp ", r"\sin ", "")
    yield from swaps(text, r"\\text\{diag\}", "")


@slip
def another_entry(text: str) -> Mutants:
    for found in re.finditer(r"\\begin\{pmatrix\}(.*?)\\end\{pmatrix\}", text, re.S):
        rows = [r.split("&") for r in found[1].split(r"\\")]

        def built(cells: list[list[str]], found: re.Match[str] = found) -> str:
            return text[: found.start(1)] + r"\\".join("&".join(r) for r in cells) + text[found.end(1) :]

        for i in range(len(rows) - 1):
            yield built([*rows[:i], rows[i + 1], rows[i], *rows[i + 2 :]])
        for j in range(len(rows[0]) - 1):
            yield built([[*r[:j], r[j + 1], r[j], *r[j + 2 :]] for r in rows])
        if len(rows) > 1 and len(rows[0]) > 1:
            yield built([list(c) for c in zip(*rows, strict=True)])
        yield built(rows[:-1])
        for i, row in enumerate(rows):
            for j, cell in enumerate(row):
                new = " 1 " if cell.strip() == "0" else " 0 "
                yield built([*rows[:i], [*row[:j], new, *row[j + 1 :]], *rows[i + 1 :]])


@slip
def the_other_way_up(text: str) -> Mutants:
    for found in re.finditer(r"\\frac(?=\{)", text):
        middle = closing(text, found.end())
        end = closing(text, middle)
        yield text[: found.end()] + text[middle:end] + text[found.end() : middle] + text[end:]


@slip
def another_number(text: str) -> Mutants:
    for found in re.finditer(r"(?<![_^{=\d(,])(?<![\d-])\d(?![\d}])", text):
        yield text[: found.start()] + str(int(found[0]) + 1) + text[found.end() :]
    yield from swaps(text, r"(?<=[({ ])1(?= [-+])", "2", "0")


_GOES_ON = re.compile(r"\s*(?:\\begin\{aligned\}\s*&?\s*)?=")


def mutants(text: str) -> list[tuple[str, str]]:
    """Every slip of every kind in a formula, each mutant once: the kind and the mutant.

    A line that loses its left side would go on with the chain above it: that is no slip in a line.
    """
    found: dict[str, str] = {}
    for name, make in SLIPS.items():
        for new in make(text):
            if re.sub(r"\s", "", new) != re.sub(r"\s", "", text) and bool(_GOES_ON.match(new)) is bool(_GOES_ON.match(text)):
                found.setdefault(new, name)
    return [(name, new) for new, name in found.items()]


def shown(old: str, new: str) -> str:
    """The edit with a little of what surrounds it: ``before⟦old → new⟧after``."""
    i = next((k for k, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    rest = min(len(old), len(new)) - i
    j = next((k for k in range(rest) if old[-1 - k] != new[-1 - k]), rest)
    return f"{old[max(i - 30, 0) : i]}⟦{old[i : len(old) - j]} → {new[i : len(new) - j]}⟧{old[len(old) - j :][:30]}"


# -- the lines and their mutants ----------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A numbered line in a document that holds nothing but what it takes to judge it."""

    number: str
    own: tuple[Formula, ...]
    document: Document

    def check(self, part: int = 0, latex: str | None = None) -> EquationReport:
        """The report of the line, one of its displays replaced."""
        document = self.document
        if latex is not None:
            old = self.own[part]
            new = replace(old, latex=latex, offsets=(old.offsets[0],) * (len(latex) + 1))
            document = replace(document, formulas=tuple(new if f is old else f for f in document.formulas))
        checker = Checker(document, source()[1])
        (equation,) = (e for e in checker.paper.equations if e.number == self.number)
        return checker.equation(equation)

    def mutants(self) -> list[tuple[int, str, str]]:
        """Which display, what kind of slip, and the display with the slip."""
        return [(part, *mutant) for part, formula in enumerate(self.own) for mutant in mutants(formula.latex)]


@cache
def source() -> tuple[Document, Manifest]:
    return read_path(NOTE), load(NOTE.with_suffix(".toml"))


@cache
def lines() -> dict[str, Line]:
    """Every numbered line, with the definitions, the chain that it continues and the line that continues it."""
    document, manifest = source()
    groups: list[list[Formula]] = []
    for formula in document.formulas:
        if formula.display and formula.number:
            groups.append([formula])
        elif formula.display:
            groups[-1].append(formula)
    goes_on = [bool(_GOES_ON.match(g[0].latex)) for g in groups]

    def chain(k: int) -> set[int]:
        return {k} | (chain(k - 1) if goes_on[k] else set())

    definitions = set().union(*(chain(k) for k, g in enumerate(groups) if manifest.defines(g[0].number or "")))
    out = {}
    for k, group in enumerate(groups):
        needed = definitions | chain(k) | ({k + 1} if any(goes_on[k + 1 : k + 2]) else set())
        kept = [f for j in sorted(needed) for f in groups[j]]
        inline = [f for f in document.formulas if not f.display]
        number = group[0].number or ""
        out[number] = Line(number, tuple(group), replace(document, formulas=(*inline, *kept)))
    return out


@cache
def report() -> dict[str, EquationReport]:
    return {e.number: e for e in Checker(*source()).equations()}


def targets() -> list[str]:
    """The lines that claim something and pass."""
    return [n for n, e in report().items() if e.verdict in PASSED and any(c.kind == "relation" for c in e.claims)]
