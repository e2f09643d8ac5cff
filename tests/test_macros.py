r"""Macros: definitions are found whole, calls expand to a fixed point, every character keeps its place."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrnn.diagnostic import UsageError
from symrnn.read.document import read_text
from symrnn.read.macros import collect, definitions, expand, in_force


def expanded(text: str, latex: str) -> str:
    return expand(latex, range(len(latex) + 1), collect(text))[0]


@pytest.mark.parametrize(
    ("text", "macros"),
    [
        (r"\newcommand{\x}{\mathbf{x}}", {r"\x": (0, r"\mathbf{x}")}),
        (r"\newcommand\x{\mathbf{x}}", {r"\x": (0, r"\mathbf{x}")}),
        (r"\newcommand*{\v}[1]{\mathbf{#1}}", {r"\v": (1, r"\mathbf{#1}")}),
        ("\\newcommand {\\v} [1]\n  {\\mathbf{#1}}", {r"\v": (1, r"\mathbf{#1}")}),
        (r"\renewcommand{\vec}[1]{\bm{#1}}", {r"\vec": (1, r"\bm{#1}")}),
        (r"\def\d#1#2{\frac{d #1}{d #2}}", {r"\d": (2, r"\frac{d #1}{d #2}")}),
        (r"\def\T{^{\top}}", {r"\T": (0, r"^{\top}")}),
        (r"\newcommand{\|}{\Vert}", {r"\|": (0, r"\Vert")}),
        (r"\DeclareMathOperator{\tr}{tr}", {r"\tr": (0, r"\operatorname{tr}")}),
        (r"\DeclareMathOperator*{\argmax}{arg\,max}", {r"\argmax": (0, r"\operatorname*{arg\,max}")}),
        (r"\newcommand{\s}{\{a\}}", {r"\s": (0, r"\{a\}")}),
        # an optional first argument: one macro with the default filled in, one that reads brackets
        (
            r"\newcommand{\pd}[2][x]{\frac{\partial #2}{\partial #1}}",
            {
                r"\pd": (1, r"\frac{\partial #1}{\partial x}"),
                r"\pd[": (2, r"\frac{\partial #2}{\partial #1}"),
            },
        ),
        # of several definitions the last holds, but \providecommand yields
        (r"\newcommand{\x}{a} \renewcommand{\x}{b}", {r"\x": (0, "b")}),
        (r"\newcommand{\x}{a} \providecommand{\x}{b}", {r"\x": (0, "a")}),
        (r"\providecommand{\x}{b}", {r"\x": (0, "b")}),
        (r"\newcommand{\p}[1][x]{a#1} \renewcommand{\p}{b}", {r"\p": (0, "b")}),
        # what is no definition, or none that can be read
        (r"\newcommands{\x}{a} \newcommand{\x}{a", {}),
        (r"\def\x(#1){a}", {}),
        (r"\newcommand{\outer}{\def\inner{a}}", {r"\outer": (0, r"\def\inner{a}")}),
    ],
)
def test_collect(text: str, macros: dict[str, tuple[int, str]]) -> None:
    assert collect(f"prose {text} prose") == macros


@pytest.mark.parametrize(
    ("text", "latex", "result"),
    [
        (r"\newcommand{\x}{\mathbf{x}}", r"\xi \x_t \x", r"\xi \mathbf{x}_t \mathbf{x}"),
        (
            r"\newcommand{\v}[1]{\mathbf{#1}}",
            r"\v{h} \v h \v \alpha",
            r"\mathbf{h} \mathbf{h} \mathbf{\alpha}",
        ),
        (r"\def\d#1#2{\frac{d#1}{d#2}}", r"\d yx \d{y_{1}}{x}", r"\frac{dy}{dx} \frac{dy_{1}}{dx}"),
        (r"\newcommand{\f}[2]{#2#1#2}", r"\f{a}{b}", "bab"),
        (r"\newcommand{\pd}[2][x]{D_{#1}#2}", r"\pd{L} + \pd[h_{[1]}]{L}", "D_{x}L + D_{h_{[1]}}L"),
        (r"\newcommand{\n}[1][k]{n_{#1}}", r"\n + \n[j]", "n_{k} + n_{j}"),
        (r"\newcommand{\a}{\b c}\newcommand{\b}{d}", r"\a", "d c"),
        # a macro that ends in another that takes its argument from behind the call
        (r"\newcommand{\a}{\b}\newcommand{\b}[1]{(#1)}", r"\a{x}", "(x)"),
        (r"\newcommand{\v}[1]{\mathbf{#1}}", r"\v{\v{x}}", r"\mathbf{\mathbf{x}}"),
        # no word grows together with its neighbour
        (r"\newcommand{\v}[1]{\hat#1}", r"\v{x}y", r"\hat xy"),
        (r"\newcommand{\v}[1]{#1 \dot#1}", r"\v{\alpha}b", r"\alpha \dot\alpha b"),
        (r"\newcommand{\v}[1]{#1\alpha}", r"\v{x}y", r"x\alpha y"),
        # the whole macro is the argument of a command, as TeX has it
        (r"\newcommand{\h}{1+x}", r"\frac\h2 \sqrt[3]\h \frac12\h", r"\frac{1+x}2 \sqrt[3]{1+x} \frac121+x"),
        (r"\newcommand{\v}[1]{\mathbf{#1}}", r"\hat\v{x}", r"\hat{\mathbf{x}}"),
        # row breaks are no macros, though a name may be glued to them
        (r"\newcommand{\o}{O}", r"a \\o_t \\\o", r"a \\o_t \\O"),
        # without its argument a call stays for the parser to complain about
        (r"\newcommand{\v}[1]{\mathbf{#1}}", r"{\v}", r"{\v}"),
        (r"\newcommand{\v}[1]{\mathbf{#1}}", r"\v{x", r"\v{x"),
        (r"\newcommand{\v}[1]{\mathbf{#1}}", r"\v", r"\v"),
    ],
)
def test_expand(text: str, latex: str, result: str) -> None:
    assert expanded(text, latex) == result


def test_a_body_stands_at_the_call_and_an_argument_where_it_was() -> None:
    latex = r"a\v{xy}b"
    result, offsets = expand(latex, range(100, 109), {r"\v": (1, r"\bm{#1}")})
    assert result == r"a\bm{xy}b"
    assert offsets == (100, 101, 101, 101, 101, 104, 105, 101, 107, 108)


@pytest.mark.parametrize(
    "text",
    [
        r"\newcommand{\loop}{\loop}",
        r"\newcommand{\loop}{\loop\loop}",
        r"\newcommand{\loop}{\other}\newcommand{\other}{\loop}",
        r"\newcommand{\loop}{\w\w}\newcommand{\w}[1]{#1#1}",
    ],
)
def test_a_recursive_macro_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"\\(loop|other|w) is recursive"):
        expanded(text, r"a \loop b")
    with pytest.raises(UsageError, match=r"^f\.md:3:1: the macro \\"):
        read_text(f"{text}\n\n$$a \\loop b$$", "f.md")


def test_a_recursive_macro_that_is_not_used_does_no_harm() -> None:
    assert expanded(r"\newcommand{\loop}{\loop}", "a") == "a"


def test_a_formula_is_read_with_the_definitions_before_it() -> None:
    found = definitions(r"\def\a{1} \def\a{2} \def\b{3}")
    assert in_force(found, 5) == {r"\a": (0, "1"), r"\b": (0, "3")}
    document = read_text(r"\def\a{1} $\a$ \def\a{2} $\a \b$ \def\b{3}")
    assert [f.latex for f in document.formulas] == ["1", "2 3"]
    assert document.macros == {r"\a": (0, "2"), r"\b": (0, "3")}


def test_macros_in_documents() -> None:
    text = "$$\\newcommand{\\x}{\\mathbf{x}}$$\n\n$$y = \\x \\quad (1)$$\n"
    text += "```\n\\def\\x{code}\n```\n<!-- \\def\\x{c} -->"
    document = read_text(text)
    (formula,) = document.formulas
    assert (formula.latex, formula.number) == (r"y = \mathbf{x}", "1")
    assert document.macros == {r"\x": (0, r"\mathbf{x}")}
    assert {formula.offsets[k] for k in range(4, 14)} == {text.index(r"\x \quad")}
    assert formula.offsets[-1] == text.index(r" \quad")


def test_definitions_beside_mathematics_are_cut_out() -> None:
    document = read_text(r"$$\def\x{a} \x = b$$ $\newcommand{\y}{\x}$ $\y$")
    assert [f.latex for f in document.formulas] == ["a = b", "a"]


def test_a_definition_in_the_text_opens_no_formula() -> None:
    text = r"""\newcommand{\hl}[1]{\colorbox{c}{$#1$}} \newcommand{\be}{\begin{equation}}
\newcommand{\ee}{\end{equation}} \def\bea{\begin{eqnarray*}} \def\eea{\end{eqnarray*}}
$$\hl{x}$$ \be a = b \ee \bea a &=& b \eea"""
    for suffix in (".md", ".tex"):
        displays = [f.latex for f in read_text(text, suffix=suffix).formulas]
        assert displays == [r"\colorbox{c}{$x$}", "a = b", r"\begin{eqnarray*} a &=& b \end{eqnarray*}"]


def test_macros_of_the_preamble() -> None:
    text = r"\newcommand{\x}{X} $no$ \begin{document} % \def\x{comment}" + "\n" + r"$\x$ \end{document} $no$"
    assert [f.latex for f in read_text(text, suffix=".tex").formulas] == ["X"]


_WORDS = st.sampled_from(
    ["a", "b1", r"\alpha", r"\p", r"\q{a}", r"\r[x]{y}", r"\r{z}", "{", "}", " ", r"\\", r"\q", "#1", "["]
)


@given(st.lists(_WORDS, max_size=20).map("".join))
def test_offsets_stay_true(latex: str) -> None:
    """Whatever the text, an offset belongs to the same character or to a macro call."""
    macros = {r"\p": (0, r"\pi x"), r"\q": (1, r"\hat#1"), r"\r": (1, "r(#1)"), r"\r[": (2, r"r_{#1}(#2)")}
    result, offsets = expand(latex, range(len(latex) + 1), macros)
    assert len(offsets) == len(result) + 1
    assert offsets[-1] == len(latex)
    for character, offset in zip(result, offsets, strict=False):
        assert latex[offset] == character or latex[offset] == "\\" or character == " "
    assert not re.search(r"\\p(?![A-Za-z])", result)
    assert expand(result, offsets, macros) == (result, offsets)
