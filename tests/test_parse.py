"""The reader of formulas: every token or a diagnostic, and parse ∘ print is the identity."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symrnn.diagnostic import Problem
from symrnn.latex import tree as t
from symrnn.latex.parser import parse
from symrnn.latex.printer import latex
from symrnn.read.document import read_path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
NOTE = ROOT / "derivations/bptt/note.md"


def formulas(path: Path) -> list[tuple[str, tuple[int, ...]]]:
    return [(f.latex, f.offsets) for f in read_path(path).formulas]


def test_every_formula_of_the_note_is_read_and_printed_back() -> None:
    found = formulas(NOTE)
    assert len(found) >= 93
    for text, offsets in found:
        tree = parse(text, offsets)
        assert parse(latex(tree)) == tree, text


@pytest.mark.skipif(not SHARED.exists(), reason="the shared documents are not at hand")
def test_the_original_with_its_inline_formulas() -> None:
    found = read_path(SHARED / "note/rnn-bptt.txt").formulas
    assert sum(not f.display for f in found) == 66
    for f in found:
        tree = parse(f.latex, f.offsets)
        assert parse(latex(tree)) == tree, f.latex


CONSTRUCTS = {
    "fraction derivative": r"\\frac\s*\{\s*(\\partial|d|\\mathrm\{d\}|\\text\{d\})",
    "sum": r"\\sum", "product sign": r"\\prod", "accent": r"\\(hat|tilde|bar)", "matrix": r"\\begin\{[pb]?matrix",
    "cases": r"\\begin\{cases", "rows": r"\\begin\{(align|aligned|split|gather)", "Hadamard": r"\\(odot|circ)",
    "transpose": r"\^\s*\{?(\\top|T)", "words": r"\\(text|mathrm|operatorname)", "dots": r"\\[cvd]?dots",
    "norm": r"\\\|", "conditional bar": r"\||\\mid", "left right": r"\\left", "boxed": r"\\boxed",
    "prime": r"'", "membership": r"\\in\b", "arrow": r"\\(right|left|x?right)arrow", "nabla": r"\\nabla",
}  # fmt: skip


@pytest.mark.skipif(not SHARED.exists(), reason="the shared documents are not at hand")
def test_other_authors_displays_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    """131 displays of seven authors: read to the last token, or a diagnostic with a place."""
    read, unread = dict.fromkeys(CONSTRUCTS, 0), dict.fromkeys(CONSTRUCTS, 0)
    total = good = 0
    for path in sorted(SHARED.glob("others/*/equations.md")):
        for formula in read_path(path).formulas:
            if not formula.display:
                continue
            total += 1
            try:
                tree = parse(formula.latex, formula.offsets)
                good += 1
                count = read
                assert parse(latex(tree)) == tree
            except Problem as problem:
                assert problem.diagnostic.span is not None
                count = unread
            for name, pattern in CONSTRUCTS.items():
                if re.search(pattern, formula.latex):
                    count[name] += 1
    with capsys.disabled():
        print(f"\nread {good} of {total} displays; by construct (read/unread): ", end="")
        print(", ".join(f"{name} {read[name]}/{unread[name]}" for name in CONSTRUCTS))
    assert total == 131
    assert good >= 0.98 * total


# -- a property: whatever tree we print, we read back ----------------------------------------

letters = st.sampled_from(["a", "b", "x", "h", "W", "\\alpha", "\\tau"]).map(t.Name)
styled = st.builds(t.Name, st.sampled_from(["a", "W", "x"]), st.sampled_from(["bold", "cal", "bb"]))
numbers = st.integers(0, 120).map(lambda k: t.Num(str(k)))
atoms = st.one_of(letters, styled, numbers, st.builds(t.Accent, st.sampled_from(["hat", "tilde"]), letters))


def extend(inner: st.SearchStrategy[t.Tree]) -> st.SearchStrategy[t.Tree]:
    operand = st.one_of(
        atoms,
        st.builds(lambda b, s, u: t.Script(b, s, u), letters, inner, st.none() | inner),
        st.builds(lambda b: t.Fence("(", b, ")"), inner),
        st.builds(lambda b: t.Fence("[", b, "]"), inner),
        st.builds(t.Frac, inner, inner),
        st.builds(t.Sqrt, inner),
        st.builds(lambda a: t.Call(t.Name("\\tanh"), t.Fence("(", a, ")")), inner),
        st.builds(lambda a, b: t.Brace("underbrace", a, b), inner, inner),
        st.builds(lambda a, b: t.Matrix("pmatrix", ((a, b), (b, a))), inner, inner),
        st.builds(lambda a, b: t.Fence("(", t.Listing((a, b), ("\\quad",)), ")"), atoms, atoms),
    )
    not_number = operand.filter(lambda x: not isinstance(x, t.Num))
    products = st.builds(
        lambda first, rest: t.Product((("", first), *rest)),
        operand,
        st.lists(st.tuples(st.sampled_from(["", "\\cdot", "\\times"]), not_number), min_size=1, max_size=3),
    )
    sums = st.builds(
        lambda s, first, rest: t.Additive(((s, first), *rest)),
        st.sampled_from(["", "-"]),
        st.one_of(operand, products),
        st.lists(st.tuples(st.sampled_from(["+", "-"]), st.one_of(operand, products)), min_size=1, max_size=3),
    )
    big = st.builds(
        lambda i, body: t.Big("\\sum", t.Chain((("", i), ("=", t.Num("1")))), t.Name("n"), body), letters, products
    )
    return st.one_of(operand, products, sums, big)


@settings(max_examples=300, deadline=None)
@given(st.recursive(atoms, extend, max_leaves=12))
def test_parse_of_print_is_the_identity(tree: t.Tree) -> None:
    text = latex(tree)
    assert parse(text).items == (tree,), text


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab12{}()[]^_\\+-=&, |'fracletightsum", max_size=40))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        tree = parse(text)
    except Problem as problem:
        assert problem.diagnostic.code in ("SR101", "SR102")
        assert problem.diagnostic.span is not None
    else:
        assert parse(latex(tree)) == tree


def test_every_name_keeps_its_place_in_the_source() -> None:
    document = read_path(NOTE)
    for f in document.formulas:
        for node in parse(f.latex, f.offsets).walk():
            if isinstance(node, t.Name) and not node.style:
                assert document.source.text[node.span.start : node.span.end].strip() == node.text
