r"""Readers: every formula is found where it stands, with its number, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrnn.diagnostic import UsageError
from symrnn.read.document import Document, read_path, read_text

SHARED = Path("/work/shared")
NOTE = SHARED / "note" / "rnn-bptt.txt"
OTHERS = sorted((SHARED / "others").glob("*/equations.md"))


def check_places(document: Document) -> None:
    """The guarantee of a document without macros: a character is the source's own, or blank."""
    text = document.source.text
    end = 0
    for formula in document.formulas:
        assert len(formula.offsets) == len(formula.latex) + 1
        assert all(c in (text[o], " ") for c, o in zip(formula.latex, formula.offsets, strict=False))
        assert list(formula.offsets) == sorted(set(formula.offsets))
        assert end <= formula.span.start < formula.span.end
        assert formula.span.start <= formula.offsets[0] <= formula.offsets[-1] <= formula.span.end
        end = formula.span.end


def displays(text: str, suffix: str = ".md") -> list[tuple[str, str | None]]:
    document = read_text(text, suffix=suffix)
    check_places(document)
    return [(formula.latex, formula.number) for formula in document.formulas if formula.display]


def inline(text: str, suffix: str = ".md") -> list[str]:
    document = read_text(text, suffix=suffix)
    check_places(document)
    return [formula.latex for formula in document.formulas if not formula.display]


KEPT = ["align", "align*", "gather*", "multline", "eqnarray", "alignat", "flalign"]


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("around", ["{}", "$${}$$", r"\[{}\]"])
def test_environments_of_rows_are_kept(name: str, around: str) -> None:
    latex = rf"\begin{{{name}}} a &= b \\ &= c \end{{{name}}}"
    assert displays(around.format(latex)) == [(latex, None)]


@pytest.mark.parametrize(
    "text",
    [
        r"$$a$$",
        r"\[ a \]",
        r"\\[ a \\]",
        r"> $$a$$",
        r"\begin{equation} a \end{equation}",
        r"\begin{equation*}a\end{equation*}",
        r"$$\begin{equation}a\end{equation}$$",
        r"$$\label{e:1}a\nonumber$$",
        r"$$a\notag$$",
    ],
)
def test_what_is_cut_off(text: str) -> None:
    assert displays(f"Before\n{text}\nafter.") == [("a", None)]


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("$$\na\n\n\nb\n$$", "a\n\n\nb"),
        (r"\[ a \\[2pt] b \]", r"a \\[2pt] b"),
        (r"\\[ a \\\\ b \\]", r"a \\\\ b"),
        ("```math\na\n```", "a"),
        ("~~~ Math\na\n~~~", "a"),
        ("> - ```math\n>   a\n>   b\n>   ```", "a\n    b"),
        (r"$$\colorbox{c}{$x$} + \colorbox{c}{$y$}$$", r"\colorbox{c}{$x$} + \colorbox{c}{$y$}"),
        (r"$$a \text{$b$$c$}$$", r"a \text{$b$$c$}"),
        (r"$$a \$$$", r"a \$"),
        (r"$$\frac{a}{b$$", r"\frac{a}{b"),  # the missing brace is the parser's to report
        ("> $$\n> a\n>   > b\n>\n> c\n> $$", "a\n    > b\n \n  c"),
        ("$$\na\n> b\n$$", "a\n> b"),
        ("$$a % b\n% c\nd$$", "a" + " " * 4 + "\n   \nd"),
        ("$$5\\% a % b$$", "5\\% a % b"),
        ("$$a ``b'' `c$$ and `d`", "a ``b'' `c"),
        (r"$$a\notag{}c \notagb$$", r"a {}c \notagb"),
    ],
)
def test_a_display(text: str, latex: str) -> None:
    assert displays(f"Before\n{text}\nafter.") == [(latex, None)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$a$ and \\(b\\)", ["a", "b"]),
        ("\\\\( b \\\\)", ["b"]),
        ("lone $ here, and $\\$x$ there", ["\\$x"]),
        ("$a\nb$", ["a\nb"]),
        ("`$a$` and ``$`$b$`` $c$", ["c"]),
        ("$`a_b`$", ["a_b"]),
        ("$\\text{if $b$}$", ["\\text{if $b$}"]),
        ("<!-- $a$ --> $b$ <!--$c$", ["b", "c"]),
        ("<pre>$a$</pre><code class=x>$b$</code> $c$", ["c"]),
        ("```\n$a$\n```\n$b$", ["b"]),
        ("````python\n```\n$a$\n````\n$b$", ["b"]),
        ("$x_{1$ and $y$", ["x_{1", "y"]),
        ("$(17)$", ["(17)"]),
        ("> if $a\n> + b$", ["a\n  + b"]),
    ],
)
def test_inline_formulas(text: str, found: list[str]) -> None:
    assert inline(text) == found
    assert displays(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $10",
        "$5 or $ 6$",
        "a $ b$ and $c $",
        "$a$1 and \\$b",
        "$a\n\nb$",
        "a $5 note and `x$` here",
        "```\n$a$",
        "(17) \\(b",
        "a \\[1] b",
        "a $ b",
        "a \\$$ b",
        "`$$`",
        "\\begin{itemize}",
    ],
)
def test_what_is_only_a_character_in_markdown(text: str) -> None:
    assert read_text(text).formulas == ()


def test_jekyll_writes_inline_formulas_with_two_dollars() -> None:
    text = "Let $$a$$ be $$b$$.\n\n$$c$$\n\n1. $$d$$\n2. $$e$$, and $f$\n"
    assert inline(f"---\ntitle: x\n---\n{text}") == ["a", "b", "e", "f"]
    assert inline(text) == ["f"]
    assert inline("---\n---\nLet $a$, $$b$$.") == ["a"]


def test_glued() -> None:
    text = "$$a$$\n\n$$b$$ $c$\n$$d$$\n\\[e\\]\n`x`\n$$f$$\n<!-- no -->\n$$g$$\n"
    text += "> $$h$$\n>\n> $$i$$\n```\n```\n$$j$$"
    document = read_text(text)
    assert [f.latex for f in document.formulas if f.glued] == ["b", "e", "g", "h", "i"]


def test_spans_hold_the_delimiters() -> None:
    text = "x $a$ \\[b\\] \\begin{equation}c\\end{equation}\n```math\nd\n``` \n"
    spans = [text[f.span.start : f.span.end] for f in read_text(text).formulas]
    assert spans == ["$a$", "\\[b\\]", "\\begin{equation}c\\end{equation}", "```math\nd\n``` "]


@pytest.mark.parametrize(
    ("text", "suffix", "message"),
    [
        ("a\n b $$c", ".md", "f:2:4: the formula that '$$' opens here is never closed"),
        ("$$a$$ $$", ".md", "f:1:7: "),
        ("\\begin{align} a", ".md", r"f:1:1: the formula that '\\begin\{align\}' opens"),
        ("```math\na", ".md", "f:1:1: the formula that '```math' opens"),
        ("\\[ a", ".tex", r"f:1:1: the formula that '\\\[' opens"),
        ("\\( a\n\n \\)", ".tex", r"f:1:1: the formula that '\\\(' opens"),
    ],
)
def test_what_is_never_closed(text: str, suffix: str, message: str) -> None:
    with pytest.raises(UsageError, match="^" + message.replace("$", r"\$")):
        read_text(text, "f", suffix)


# Pieces of a document, each with what it must give: (latex, display, number), or None for no formula.
_MATHS = st.sampled_from(["a", r"\alpha_{t-1}", r"x^{\top}y", r"\frac{a}{b} = \text{if $c$}", "f(17)", r"a \\ b"])
_NUMBERS = st.sampled_from(["", r" \quad (17)", r"\tag{e01}", r" \qquad (2.3)"])
_DISPLAYS = st.sampled_from(
    [("$$", "$$"), (r"\[", r"\]"), (r"\begin{equation*}", r"\end{equation*}"), ("```math\n", "\n```")]
)
_INLINE = st.sampled_from([("$", "$"), (r"\(", r"\)"), ("$`", "`$")])
_PROSE = st.sampled_from(
    ["Prose.", "`$a$`", "```\n$$b$$\n```", "<!-- $$c$$ -->", r"\$ 5", "> quoted", "~~~tex\n\\[d\\]\n~~~"]
)
Piece = tuple[str, tuple[str, bool, str | None] | None]


def _display(marks: tuple[str, str], latex: str, number: str) -> Piece:
    printed = re.search(r"[({]([\w.]+)[)}]$", number)
    return marks[0] + latex + number + marks[1], (latex, True, printed and printed[1])


_PIECES: st.SearchStrategy[Piece] = st.one_of(
    st.builds(_display, _DISPLAYS, _MATHS, _NUMBERS),
    st.builds(lambda marks, latex: (marks[0] + latex + marks[1], (latex, False, None)), _INLINE, _MATHS),
    st.builds(lambda text: (text, None), _PROSE),
)


@given(st.lists(_PIECES, max_size=12), st.sampled_from(["\n", "\n\n", "\n \n"]))
def test_documents_of_pieces_are_taken_apart_again(pieces: list[Piece], between: str) -> None:
    document = read_text(between.join(text for text, _ in pieces))
    check_places(document)
    wanted, position = [], 0
    previous: bool = False
    for text, formula in pieces:
        if formula:
            latex, display, number = formula
            glued = display and previous
            wanted.append((latex, display, number, glued, (position, position + len(text))))
        previous = bool(formula and formula[1]) or (previous and text.startswith("<!--"))
        position += len(text) + len(between)
    found = [(f.latex, f.display, f.number, f.glued, (f.span.start, f.span.end)) for f in document.formulas]
    assert found == wanted


@given(st.text(alphabet="$\\`[]()a {}%>~\n1", max_size=40), st.sampled_from([".md", ".tex"]))
def test_any_text_is_read_or_refused_in_one_sentence(text: str, suffix: str) -> None:
    try:
        check_places(read_text(text, suffix=suffix))
    except UsageError as error:
        assert re.match(r"<text>:\d+:\d+: the formula that ", str(error))


@pytest.mark.skipif(not NOTE.exists(), reason="the note is not here")
def test_the_note() -> None:
    document = read_path(NOTE)
    check_places(document)
    shown = [formula for formula in document.formulas if formula.display]
    assert [f.number for f in shown if f.number] == [str(k) for k in range(1, 89)]
    rest = [k for k, formula in enumerate(shown) if formula.number is None]
    assert [shown[k - 1].number for k in rest] == ["51", "52", "75", "76", "79"]
    assert all(shown[k].latex.startswith(("+", r"\underbrace")) for k in rest)
    assert all(shown[k].glued for k in rest)
    assert shown[46].number == "47" and shown[46].latex == ""
    assert not any(re.search(r"\\quad \(\d+\)", formula.latex) for formula in shown)
    text = document.source.text
    pairs = text.count("$$")
    assert (len(shown), len(document.formulas) - len(shown)) == (pairs // 2, 66) == (93, 66)
    assert text.count("$") == 2 * pairs + 2 * 66


@pytest.mark.skipif(not OTHERS, reason="the other documents are not here")
def test_the_other_documents() -> None:
    total = 0
    for path in OTHERS:
        document = read_path(path)
        check_places(document)
        total += len(document.formulas)
        for formula in document.formulas:
            source = document.source.text[formula.span.start : formula.span.end]
            tag = re.search(r"\\tag\{(\w+)\}", source)
            assert formula.display
            assert formula.number == (tag[1] if tag else None)
            assert re.sub(r"\s*\\tag\*?\{(\w+|\$\\blacksquare\$)\}", "", source) == f"$${formula.latex}$$"
    assert total == 131
