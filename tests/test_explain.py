"""The explanation pages: one for each code of the source, of one layout, with examples that do what they say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from symrnn import explain
from symrnn.cli import main
from symrnn.explain import SLIPS, Page, page, pages
from symrnn.library import Report, check

PACKAGE = Path(explain.__file__).parent.parent
LAYOUT = re.compile(
    r"# (?P<code>SR\d{3}): (?P<title>[a-z0-9][^\n]*[^\n.])\n\n"
    r"Slip: (?P<slips>[a-z ,]+)\n\n"
    r"## What\n\n(?P<what>.+?)\n\n"
    r"## Why\n\n(?P<why>.+?)\n\n"
    r"## Wrong\n\n(?P<wrong>.+?)\n\n"
    r"## Right\n\n(?P<right>.+?)\n",
    re.DOTALL,
)
EXAMPLE = re.compile(r"(?:```toml\n(?P<manifest>[^`]*)```\n\n)?```markdown\n(?P<document>[^`]*)```")
NO_EXAMPLE = "No document is known that leads to this code."
WITHOUT_EXAMPLE = {"SR900"}  # a mistake of ours; tests/test_cli.py makes one on purpose
BESIDE = {"SR404": {"SR401"}, "SR210": {"SR401"}, "SR501": {"SR403"}}  # a remark, which stands beside an error
EARLIER = {"SR192": {"SR211"}}  # what another line did wrong
WITH_EXAMPLE = sorted(set(pages()) - WITHOUT_EXAMPLE)


def codes_of_the_source() -> set[str]:
    """Every string constant of the package that is a code."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")]
    texts = {n.value for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and re.fullmatch(r"SR\d{3}", text)}


def section(code: str, name: str) -> str:
    """One section of a page."""
    found = LAYOUT.fullmatch(page(code).text)
    assert found is not None
    return found[name]


@cache
def checked(code: str, name: str) -> Report:
    """The report of an example of a page, whose section holds the example and nothing else."""
    found = EXAMPLE.fullmatch(section(code, name))
    assert found is not None, "an example is a toml block (where a manifest is needed) and a markdown block"
    return check(found["document"], found["manifest"])


def codes(report: Report, number: int) -> set[str]:
    """The codes on one equation of a report."""
    equation = report.equations[number]
    return {d.code for d in (*equation.diagnostics, *(d for c in equation.claims for d in c.diagnostics))}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(pages()) == codes_of_the_source()


def test_file_names_are_codes() -> None:
    files = [path.name for path in sorted((PACKAGE / "explain").glob("*.md"))]
    assert files == [f"{code}.md" for code in pages()]


@pytest.mark.parametrize("found", pages().values(), ids=pages())
def test_a_page_has_the_layout(found: Page) -> None:
    layout = LAYOUT.fullmatch(found.text)
    assert layout is not None
    assert layout["code"] == found.code and layout["title"] == found.title
    assert found.slips and set(found.slips) <= set(SLIPS) and len(set(found.slips)) == len(found.slips)
    assert max(map(len, found.text.splitlines())) <= 120
    assert len((layout["what"] + layout["why"]).split()) <= 180, "a page is short"


def test_titles_are_different_and_every_class_of_slip_is_explained() -> None:
    assert len({found.title for found in pages().values()}) == len(pages())
    assert {slip for found in pages().values() for slip in found.slips} == set(SLIPS)


@pytest.mark.parametrize("code", WITH_EXAMPLE)
def test_the_wrong_example_gets_this_code_on_its_last_line_alone(code: str) -> None:
    report = checked(code, "wrong")
    *before, last = range(len(report.equations))
    assert codes(report, last) == {code} | BESIDE.get(code, set())
    if not code.startswith("SR5"):  # notation slips on true lines too
        assert report.equations[last].verdict not in ("proved", "defined")
    for number in before:
        if code in EARLIER:
            assert codes(report, number) == EARLIER[code]
            continue
        assert report.equations[number].verdict in ("proved", "defined")
        assert not codes(report, number)


@pytest.mark.parametrize("code", WITH_EXAMPLE)
def test_every_line_of_the_right_example_is_proved_or_defined(code: str) -> None:
    report = checked(code, "right")
    for number, equation in enumerate(report):
        assert equation.verdict in ("proved", "defined"), equation
        assert not codes(report, number)
    assert report.equations[-1].verdict == "proved"


@pytest.mark.parametrize("code", sorted(WITHOUT_EXAMPLE))
def test_a_code_that_no_document_reaches_says_so(code: str) -> None:
    assert section(code, "wrong") == section(code, "right") == NO_EXAMPLE
    assert page(code).slips == ("tool",)


def test_only_those_are_without_example() -> None:
    assert {code for code, found in pages().items() if NO_EXAMPLE in found.text} == WITHOUT_EXAMPLE


# -- the command ------------------------------------------------------------------------------


def test_without_an_argument_it_lists_codes_and_titles() -> None:
    done = CliRunner().invoke(main, ["explain"])
    assert done.exit_code == 0
    assert done.output.splitlines() == [f"{p.code}  {p.title}" for p in pages().values()]


@pytest.mark.parametrize("code", ["SR305", "sr305", "305"])
def test_a_page_is_printed_plainly_into_a_pipe(code: str) -> None:
    done = subprocess.run([sys.executable, "-m", "symrnn", "explain", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (PACKAGE / "explain" / "SR305.md").read_text(encoding="utf-8")


def test_a_page_is_set_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    main(["explain", "SR305"], standalone_mode=False)
    out = capsys.readouterr().out
    assert "SR305: an index outside its range" in out
    assert "# SR305" not in out and "```" not in out


@pytest.mark.parametrize(
    ("code", "words"),
    [("SR310", "did you mean"), ("SR35", "SR305"), ("E305", "SR305"), ("banana", "'symrnn explain' lists them")],
)
def test_an_unknown_code_is_one_line_and_status_two(code: str, words: str) -> None:
    done = CliRunner().invoke(main, ["explain", code])
    assert done.exit_code == 2 and done.stdout == ""
    assert f"no code '{code}'" in done.stderr and words in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_says_what_it_does() -> None:
    done = CliRunner().invoke(main, ["explain", "--help"])
    assert done.exit_code == 0
    assert "SR305" in done.output and "list them all" in done.output


# -- codes that are easily confused -------------------------------------------------------------


@pytest.mark.parametrize(
    ("latex", "code"),
    [
        (r"h = g", "SR202"),
        (r"h_i = g_i", "SR202"),
        (r"h^2 = g", "SR202"),
        (r"(A)_{1,2,3} = c", "SR204"),
        (r"c_1 = 1", "SR204"),
        (r"k = g", "SR201"),
        (r"\nabla_g = g", "SR205"),
        (r"\nabla c = g", "SR205"),
        (r"A^{1/2} = A", "SR306"),
        (r"B^2 = A", "SR301"),
        (r"B = A", "SR302"),
        (r"c = ^2", "SR102"),
        (r"c = (g", "SR101"),
        (r"\sum g_i = c", "SR190"),
    ],
)
def test_the_code_that_fits_best(latex: str, code: str) -> None:
    declared = (
        r"A \in \mathbb{R}^{3 \times 3}, B \in \mathbb{R}^{2 \times 3}, h^{(t)}, g \in \mathbb{R}^3, c \in \mathbb{R}"
    )
    (equation,) = check(f"Let ${declared}$.\n\n$$\n{latex}\n$$\n")
    (found,) = (*equation.diagnostics, *(d for c in equation.claims for d in c.diagnostics))
    assert found.code == code
    assert found.span is not None
