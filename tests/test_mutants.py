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
_STYLED = re.compile(
    r"\\(?:hat|bar|tilde|math(?:bf|bb|cal|rm|it|sf)|operatorname|boldsymbol|bm|text)\b\s*(?=\{)|\\(?:begin|end)\{\w+\*?\}"
)
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
    elif text.startswith((r"\begin", r"\end"), start):
        return None
    elif (found := _STYLED.match(text, start)) or (
        found := re.compile(r"\\left(?=[(\[])|(?=[(\[])").match(text, start)
    ):
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
        if not re.match("0$", text[at:end]) and not re.search(r"\^\{\([^)]*$", text[:at]):  # not inside a step
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
    yield from swaps(text, r"\\sum_(?:\{[^{}]*\}|\w)(?:\^(?:\w|\\tau|\{[^{}]*\}))?", "")


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
            same = re.sub(r"\s", "", new) == re.sub(r"\s", "", text)
            if not same and bool(_GOES_ON.match(new)) is bool(_GOES_ON.match(text)):
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
        checker = self.checker(part, latex)
        (equation,) = (e for e in checker.paper.equations if e.number == self.number)
        return checker.equation(equation)

    def checker(self, part: int = 0, latex: str | None = None) -> Checker:
        document = self.document
        if latex is not None:
            old = self.own[part]
            new = replace(old, latex=latex, offsets=(old.offsets[0],) * (len(latex) + 1))
            document = replace(document, formulas=tuple(new if f is old else f for f in document.formulas))
        return Checker(document, source()[1])

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


# -- the campaign -------------------------------------------------------------------------------

# Slips that leave a line true: the lines, what the edit looks like, why it is none.
HARMLESS: tuple[tuple[str, str, str], ...] = (
    ("18", r"another step|another name|a factor twice", "∂L/∂L^(s) = 1 at every step s; ∂L/∂L = 1; 1·1 = 1"),
    (
        "19 33 45 50 58 59 74 84",
        r"another name: .*\\mathbf\{o\}\^\{\((t|\\tau)\)\}\} ?L⟦ → \^\{\(\1\)\}⟧",
        "the scores of a step reach the loss of that step alone",
    ),
    (
        "28 29 30 31 33 60",
        r"another name: .*(partial|\\mathbf\{h\}\^\{\(\\tau\)\}\}) ?L⟦ → \^\{\(\\tau\)\}⟧",
        "the last hidden state reaches the last loss alone",
    ),
    (
        "63 87 88",
        r"another name: .* L⟦ → \^\{\(t\)\}⟧",
        "true as printed: the total derivative of h^(t) by a parameter, with the loss of step t alone",
    ),
    ("43", r"indices in the other order: .*\{1\}_\{⟦1,j → j,1⟧", "an indicator of 1 = j is one of j = 1"),
    ("45 81 83 87 88", r"factors in the other order: .*text\{diag\}", "diag(u) v = diag(v) u"),
    ("48", r"another name: .*⟦c → o⟧_2", "o = c + V h, so the derivatives by c^(t) and by o^(t) are one"),
    ("48 49", r"another step: .*⟦\^\{\(t\)\} → ⟧", "the loss of a step meets c at that step alone"),
    ("50 84", r"(a factor less|a factor twice|a transpose less): .*mathbf\{c\}", "∂o^(t)/∂c is the identity"),
    ("50 84", r"another step: .*partial \\mathbf\{o\}\^\{\(⟦", "∂o^(s)/∂c is the identity at every step s"),
    ("51", r"another step: .*\(b_i", "the copies of b at all steps have the one value b"),
    ("58", r"a factor less: .*text\{diag\}⟦", "a label that is only a word claims nothing"),
    ("63", r"a transpose less: .*mathbf\{b\}", "by the copy of b, ∂h^(t)/∂b is a diagonal matrix"),
)

# Slips that once passed and should not: a line and its mutant.
Slip = tuple[str, str, str]
NAMED: dict[str, Slip] = {
    # a length beyond the step that is named must be looked at, else it is always the last
    "steps": ("33", r"\nabla_{\mathbf{o}^{(\tau)}}", r"\nabla_{\mathbf{o}^{(3)}}"),
    "limits": ("81", r"\sum_t^{\tau}", r"\sum_{t=1}^3"),
}

# What a slip between (t) and (τ) looks like; it may leave a line true with (t) read as (τ).
MIXED = re.compile(r"⟦(?:t → \\tau|\\tau → t| → \^\{\((?:t|\\tau)\)\})⟧")


def outcome(number: str, part: int, kind: str, new: str) -> str | None:
    """What is wrong with the verdict of a mutant, or None."""
    line = lines()[number]
    edit = f"{kind}: {shown(line.own[part].latex, new)}"
    try:
        found = line.check(part, new)
    except Exception as error:  # anything that is raised is a bug
        return f"({number}) {edit}: raises {error!r}"
    if found.verdict not in (*PASSED, Kind.DEFINED):
        return None
    if any(number in numbers.split() and re.search(pattern, edit, re.S) for numbers, pattern, _ in HARMLESS):
        return None
    last = any(LAST in c.conditions for c in found.claims)
    if found.verdict is Kind.CONDITIONAL and last and MIXED.search(edit):
        return None
    return f"({number}) {edit}: {found.verdict}"


def campaign(mutants: list[tuple[str, int, str, str]]) -> list[str]:
    return [wrong for mutant in mutants if (wrong := outcome(*mutant)) is not None]


def all_mutants(number: str) -> list[tuple[str, int, str, str]]:
    return [(number, *mutant) for mutant in lines()[number].mutants()]


def test_a_sample_of_slips_is_noticed() -> None:
    rng = random.Random("slips")
    every = [mutant for number in targets() for mutant in all_mutants(number)]
    assert campaign(rng.sample(every, 100)) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [str(n) for n in range(1, 89)])
def test_every_slip_is_noticed(number: str) -> None:
    assert campaign(all_mutants(number) if number in targets() else []) == []


@pytest.mark.parametrize(
    ("number", "old", "new"),
    [pytest.param(*slip, id=k) for k, slip in NAMED.items()],
)
def test_a_slip_that_should_be_noticed(number: str, old: str, new: str) -> None:
    line = lines()[number]
    assert line.check(0, line.own[0].latex.replace(old, new, 1)).verdict not in PASSED


def test_a_bracket_behind_the_loss_is_not_dropped() -> None:
    """(10) prints L with its arguments; a bracket that holds something else is a factor."""
    for number in ("19", "33", "50", "63", "81", "87"):
        line = lines()[number]
        text = line.own[0].latex
        slips = [
            f"{text[: m.end()]} \\left(2\\right){text[m.end() :]}" for m in re.finditer(r"(?<= )L(?![\^_(])", text)
        ]
        assert slips and all(line.check(0, new).verdict not in PASSED for new in slips)


@pytest.mark.parametrize(
    ("number", "old", "new"),
    [
        ("5", "a_1^{(t)}", r"a_1^{(\tau)}"),
        ("14", "y_1^{(t)}", r"y_1^{(\tau)}"),
        ("18", "partial L}", r"partial L^{(\tau)}}"),
        ("49", "L^{(t)} =", r"L^{(\tau)} ="),
    ],
)
def test_the_last_step_is_no_reading_of_a_line_about_every_step(number: str, old: str, new: str) -> None:
    line = lines()[number]
    assert line.check(0, line.own[0].latex.replace(old, new, 1)).verdict not in PASSED


# -- the attack itself --------------------------------------------------------------------------


def test_a_line_alone_is_judged_as_in_its_document() -> None:
    for number in random.Random("alone").sample([*report()], 12):
        alone, whole = lines()[number].check(), report()[number]
        assert [(c.id, c.verdict, c.conditions) for c in alone.claims] == [
            (c.id, c.verdict, c.conditions) for c in whole.claims
        ]


def test_every_kind_of_slip_occurs_in_the_note() -> None:
    assert {kind for number in targets() for _, _, kind, _ in all_mutants(number)} == set(SLIPS)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (r"w_{i1} h_i", r"w_{i1}"),
        (r"\hat{y}_1^{(t)} x", r"\hat{y}_1^{(t)}"),
        (r"\mathbf{V}^T \mathbf{h}", r"\mathbf{V}^T"),
        (r"\nabla_{\mathbf{o}^{(t)}} L^{(t)} x", r"\nabla_{\mathbf{o}^{(t)}} L^{(t)}"),
        (r"\text{diag}\left(1 - (x)^2\right) y", r"\text{diag}\left(1 - (x)^2\right)"),
        (r"\left(a (b)\right)^T c", r"\left(a (b)\right)^T"),
        (r"\frac{\partial L}{\partial h} x", r"\frac{\partial L}{\partial h}"),
        (r"\begin{pmatrix} a \\ b \end{pmatrix}^T x", r"\begin{pmatrix} a \\ b \end{pmatrix}^T"),
        (r"\tanh^2 \left(x\right) y", r"\tanh^2 \left(x\right)"),
    ],
)
def test_a_factor_ends_where_it_ends(text: str, first: str) -> None:
    assert text[: factor(text, 0)] == first
