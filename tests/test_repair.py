"""Repairs: the smallest proved edit of the author's own text, and nothing outside it."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from symrnn.library import Report, check
from symrnn.repair.mend import GOOD, difference
from symrnn.repair.moves import apply
from symrnn.verdict import EquationReport

ROOT = Path(__file__).resolve().parent.parent
CELL = r"""For $x_t \in \mathbb{R}^2$, $h_t \in \mathbb{R}^3$, $o_t, y_t \in \mathbb{R}^2$,
$W \in \mathbb{R}^{3 \times 3}$, $U \in \mathbb{R}^{3 \times 2}$, $V \in \mathbb{R}^{2 \times 3}$, $b \in \mathbb{R}^3$:

$$h_t = \tanh(W h_{t-1} + U x_t + b) \tag{1}$$

$$o_t = V h_t \tag{2}$$

$$L = \frac{1}{2} \sum_{t=1}^T \sum_{k=1}^2 (o_{t,k} - y_{t,k})^2 \tag{3}$$

$$\frac{\partial L}{\partial o_t} = o_t - y_t \tag{4}$$

$$\frac{\partial L}{\partial h_t} = V^\top \frac{\partial L}{\partial o_t}
+ W^\top \operatorname{diag}(1 - h_{t+1}^2) \frac{\partial L}{\partial h_{t+1}} \tag{5}$$

$$\frac{\partial L}{\partial V_{ij}} = \sum_{t=1}^T (o_{t,i} - y_{t,i}) h_{t,j} \tag{6}$$

$$\frac{\partial L}{\partial b} = \sum_{t=1}^T \operatorname{diag}(1 - h_t^2) \frac{\partial L}{\partial h_t} \tag{7}$$
"""
MANIFEST = """define = ["1-3"]

[steps]
last = "T"
"""
SLIPS = {
    "sign": ("4", "o_t - y_t", "o_t + y_t"),
    "order": ("5", r"\operatorname{diag}(1 - h_{t+1}^2) \frac{\partial L}{\partial h_{t+1}}",
              r"\frac{\partial L}{\partial h_{t+1}} \operatorname{diag}(1 - h_{t+1}^2)"),
    "transpose": ("5", r"V^\top", "V"),
    "time step": ("5", r"(1 - h_{t+1}^2)", r"(1 - h_{t}^2)"),
    "index": ("6", r"h_{t,j} \tag", r"h_{t,i} \tag"),
    "symbol": ("6", "y_{t,i}) h", "x_{t,i}) h"),
    "exponent": ("7", "h_t^2", "h_t^3"),
    "dropped factor": ("7", r"\frac{\partial L}{\partial h_t} \tag", r"\frac{L}{\partial h_t} \tag"),
    "sum limits": ("6", r"\sum_{t=1}^T (o", r"\sum_{t=2}^T (o"),
}  # fmt: skip


@cache
def slipped(name: str) -> Report:
    _, right, wrong = SLIPS[name]
    assert CELL.count(right) >= 1
    at = CELL.rindex(right)
    return check(CELL[:at] + wrong + CELL[at + len(right) :], MANIFEST)


@cache
def repaired(path: str) -> tuple[Report, tuple[EquationReport, ...]]:
    report = check(ROOT / "derivations" / path)
    return report, report.repaired()


def test_the_document_without_a_slip_is_right() -> None:
    assert {e.verdict for e in check(CELL, MANIFEST)} <= GOOD


@pytest.mark.parametrize("name", SLIPS)
def test_one_slip_is_mended_back(name: str) -> None:
    number = SLIPS[name][0]
    report = slipped(name)
    assert [e.number for e in report if e.verdict not in GOOD] == [number]
    first = report[number].repairs[0]
    assert first.slips == (name,) and first.applicability == "safe"
    assert report.corrected() == CELL


def test_equal_editions_are_shown_and_not_made() -> None:
    text = (
        "For $a, b \\in \\mathbb{R}$:\n\n$$s = a + b \\tag{1}$$\n\n$$p = a + b \\tag{2}$$\n\n$$a b = q + b \\tag{3}$$\n"
    )
    report = check(text, 'define = ["1", "2"]\n')
    repairs = report["3"].repairs
    if len(repairs) > 1:
        assert {r.applicability for r in repairs} == {"unsafe"}
    assert report.corrected() == text or len(repairs) == 1


def test_edits_make_the_edition() -> None:
    for path in ("softmax-regression/wrong.md", "mlp/wrong.md"):
        report, equations = repaired(path)
        text = report.document.source.text
        for e in equations:
            for r in e.repairs:
                if r.edits:
                    assert apply(e.latex, tuple((x.start, x.end, x.text) for x in r.edits)) == r.latex
                    assert [text[x.start : x.end] for x in r.places] == [e.latex[x.start : x.end] for x in r.edits]


def test_most_seeded_mistakes_are_mended() -> None:
    _, equations = repaired("softmax-regression/wrong.md")
    wrong = [e for e in equations if e.verdict not in GOOD]
    assert len(wrong) >= 15
    assert sum(bool(e.repairs) for e in wrong) >= 0.9 * len(wrong)


def test_mending_twice_changes_nothing() -> None:
    report, _ = repaired("softmax-regression/wrong.md")
    once = report.corrected()
    manifest = (ROOT / "derivations/softmax-regression/wrong.toml").read_text()
    again = check(once, manifest)
    assert again.corrected() == once
    left = {e.number for e in again if e.verdict not in GOOD}
    unsafe = {
        e.number
        for e in report.repaired()
        if e.verdict not in GOOD and (not e.repairs or e.repairs[0].applicability != "safe")
    }
    assert left == unsafe


def test_differences_are_of_whole_tokens() -> None:
    assert difference(r"\tau h_1", r"\tan h_1") == [(0, 4, r"\tan")]
    assert difference("ab", "ab") == []


# -- the command ----------------------------------------------------------------------------------


def fix(*args: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "symrnn", "fix", *args], cwd=cwd, capture_output=True, timeout=120)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "note.md").write_text(CELL.replace("o_t - y_t", "o_t + y_t"), encoding="utf-8", newline="\r\n")
    (tmp_path / "note.toml").write_text(MANIFEST)
    return tmp_path


def test_a_diff_is_printed_and_nothing_written(folder: Path) -> None:
    before = (folder / "note.md").read_bytes()
    done = fix("note.md", cwd=folder)
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert r"-$$\frac{\partial L}{\partial o_t} = o_t + y_t \tag{4}$$" in lines
    assert r"+$$\frac{\partial L}{\partial o_t} = o_t - y_t \tag{4}$$" in lines
    assert (folder / "note.md").read_bytes() == before
    assert b"1 of 1 equations mended" in done.stderr


def test_written_in_place_and_elsewhere(folder: Path) -> None:
    before = (folder / "note.md").read_bytes()
    assert fix("note.md", "--output", "new.md", cwd=folder).returncode == 0
    assert (folder / "note.md").read_bytes() == before
    assert fix("note.md", "--write", cwd=folder).returncode == 0
    after = (folder / "note.md").read_bytes()
    assert after == (folder / "new.md").read_bytes() == before.replace(b"o_t + y_t", b"o_t - y_t")
    assert fix("note.md", cwd=folder).stdout == b""


def test_json_has_the_repairs(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "symrnn", "check", "note.md", "--format", "json"],
        cwd=folder,
        capture_output=True,
        timeout=120,
    )
    equation = json.loads(done.stdout)["documents"][0]["equations"][3]
    (claim,) = equation["claims"]
    (repair,) = claim["repairs"]
    (edit,) = repair["edits"]
    latex = equation["latex"]
    assert latex[: edit["start"]] + edit["text"] + latex[edit["end"] :] == repair["latex"]
    assert repair["applicability"] == "safe" and repair["slips"] == ["sign"]


# -- the note -------------------------------------------------------------------------------------


def test_the_corrected_note_is_right() -> None:
    report = check(ROOT / "derivations/bptt/corrected.md")  # with the manifest of the one other document there
    assert report.manifest is not None and report.manifest.endswith("note.toml")
    assert {e.verdict for e in report} <= GOOD
    assert len(report.equations) == 87  # the number without a formula is gone


def test_the_corrected_note_is_what_fix_makes_of_the_note() -> None:
    report = check(ROOT / "derivations/bptt/note.md")
    made = report.corrected(unsafe=True)
    assert made == (ROOT / "derivations/bptt/corrected.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        (r"\tanh(a + b = \tanh(b + a)", r"\tanh(a + b) = \tanh(b + a)"),
        (r"\frac{a + b{c} = \frac{a}{c} + \frac{b}{c}", r"\frac{a + b}{c} = \frac{a}{c} + \frac{b}{c}"),
        (r"\exp(a + b)) = \exp(a) \exp(b)", r"\exp(a + b) = \exp(a) \exp(b)"),
        (r"\exp\left(a + b = e^{a} e^b", r"\exp\left(a + b\right) = e^{a} e^b"),
    ],
)
def test_a_bracket_that_is_missing_or_too_much(line: str, mended: str) -> None:
    equation = check(f"Let $a, b, c \\in \\mathbb{{R}}$.\n\n$${line} \\tag{{1}}$$\n")["1"]
    (first,) = equation.repairs
    assert (first.latex, first.applicability, first.words) == (mended, "safe", "bracket")


def test_brackets_that_only_look_mended_are_not_offered() -> None:
    text = "Let $a, b \\in \\mathbb{R}$.\n\n$$(a + b (a - b = a^2 + b^2 \\tag{1}$$\n"
    assert not check(text)["1"].repairs


_OUTPUT = r"\begin{pmatrix} o_1^{(t)} \\ o_2^{(t)} \\ o_3^{(t)} \end{pmatrix}"
_LEFT_OUT = [
    (r"\mathbf{o}^{(t)} = \mathbf{V} \mathbf{h}", "time step"),
    (r"o_i^{(t)} = \sum_{j=1}^2 v_{i} h_j^{(t)}", "index"),
    (r"o_i^{(t)} = v_{ij} h_j^{(t)}", "sum"),
    (r"o_i^{(t)} = \sum_{j=1}^2 v_{ij}", "dropped factor"),
    (rf"{_OUTPUT} = \begin{{pmatrix}} v_{{11}} & v_{{12}} \\ v_{{21}} & 0 \\ v_{{31}} & v_{{32}} \end{{pmatrix}} "
     r"\begin{pmatrix} h_1^{(t)} \\ h_2^{(t)} \end{pmatrix}", "entry"),
    (rf"{_OUTPUT} = \begin{{pmatrix}} v_{{11}} & v_{{12}} \\ v_{{21}} &  \\ v_{{31}} & v_{{32}} \end{{pmatrix}} "
     r"\begin{pmatrix} h_1^{(t)} \\ h_2^{(t)} \end{pmatrix}", "entry"),
    (r"\begin{pmatrix} o_1^{(t)} & o_2^{(t)} & 0 \end{pmatrix}^T = \mathbf{V} \mathbf{h}^{(t)}", "entry"),
    (rf"{_OUTPUT} = \begin{{pmatrix}} v_{{11}} & v_{{12}} \\ v_{{21}} & v_{{22}} \\ v_{{31}} & v_{{32}} \end{{pmatrix}}"
     r" \begin{pmatrix} h_2^{(t)} \\ h_1^{(t)} \end{pmatrix}", "order"),
]  # fmt: skip
OUTPUT = r"""For $\mathbf{h}^{(t)} \in \mathbb{R}^2$, $\mathbf{o}^{(t)} \in \mathbb{R}^3$,
$\mathbf{V} \in \mathbb{R}^{3 \times 2}$:

$$\mathbf{o}^{(t)} = \mathbf{V} \mathbf{h}^{(t)} \tag{1}$$

$$o_1^{(t)} = \sum_{j=1}^2 v_{1j} h_j^{(t)} \tag{2}$$

$$o_k^{(t)} - 1 = \sum_{j=1}^2 v_{kj} h_j^{(t)} - 1 \tag{3}$$

"""


@pytest.mark.parametrize(("line", "slip"), _LEFT_OUT)
def test_what_was_left_out_or_changed_places(line: str, slip: str) -> None:
    manifest = 'define = ["1"]\n[steps]\nlast = "T"\n'
    equation = check(OUTPUT + f"$${line} \\tag{{4}}$$\n", manifest=manifest)["4"]
    assert equation.repairs, (equation.verdict, [c.diagnostics for c in equation.claims])
    assert equation.repairs[0].words == slip


# -- what other authors write ---------------------------------------------------------------------

_GATES = r"""With $x_t \in \mathbb{R}^i$, $z_t, r_t \in \mathbb{R}^h$, $W_z, W_r \in \mathbb{R}^{h \times i}$:

$$z_t = \sigma(W_z x_t) \tag{1}$$

$$r_t = \tanh(W_r x_t) \tag{2}$$

"""
_SQUARES = r"""With $\mathbf{X} \in \mathbb{R}^{n \times m}$, $\mathbf{U} \in \mathbb{R}^{n \times p}$,
$\mathbf{V} \in \mathbb{R}^{p \times m}$:

$$E = \sum_{i, j} \left(x_{ij} - \sum_k u_{ik} v_{kj}\right)^2 \tag{1}$$

$$[\mathbf{X} - \mathbf{U} \mathbf{V}]_{ij} = x_{ij} - \sum_k u_{ik} v_{kj} \tag{2}$$

"""
_CLASSES = r"""With $z \in \mathbb{R}$:

$$p(y) = \begin{cases} 1 - \sigma(z) & y = 0 \\ \sigma(z) & y = 1 \end{cases} \tag{1}$$

"""
_SOFTMAX = r"""With $z, y \in \mathbb{R}^C$:

$$y_i = \frac{e^{z_i}}{\sum_k e^{z_k}} \tag{1}$$

"""
_OTHERS = [
    (_GATES, "1-2", r"\frac{\partial r_t}{\partial x_t} = \text{diag}(1 - r_t^2) W_z \tag{3}", "W_r", "symbol"),
    (_GATES, "1-2", r"r_t = \tanh(W_r r_t) \in \mathbb{R}^h \tag{3}", "W_r x_t", "symbol"),
    (_SQUARES, "1", r"E = \sum_{i, j} \left(x_{ij} - \sum_k u_{ik} v_{k1}\right)^2 \tag{3}", "v_{kj}", "index"),
    (_SQUARES, "1", r"E = \sum_{i, j} \left(x_{i} - \sum_k u_{ik} v_{kj}\right)^2 \tag{3}", "x_{ij}", "index"),
    (_SQUARES, "1", r"\sum_k u_{ik} v_{kj} = [\mathbf{U}]_{ij} \tag{3}", r"\mathbf{U} \mathbf{V}", "dropped factor"),
    (_CLASSES, "1", r"p(y) = \sigma(z)^y (1 + \sigma(z))^{1 - y} \tag{3}", r"1 - \sigma", "sign"),
    (_SOFTMAX, "1", r"\frac{\partial y_i}{\partial z_j} = y_i y_j \quad \text{for } i \neq j \tag{3}", "-", "sign"),
    (_SOFTMAX, "1", r"\frac{\partial y_i}{\partial z_i} = y_i (1 + y_i) \tag{3}", r"1 - y_i", "sign"),
]


@pytest.mark.parametrize(("before", "define", "line", "put_in", "slip"), _OTHERS)
def test_in_other_notations(before: str, define: str, line: str, put_in: str, slip: str) -> None:
    """Names told apart by labels, memberships, sums over two letters, cases of a class, conditions."""
    sizes = '\n[sizes]\ni = 2\nh = 2\nn = 2\nm = 3\np = 2\nC = 3\n[steps]\nindex = "t"\n'
    declare = "declare = ['y \\in \\{0, 1\\}']\n" if before is _CLASSES else ""
    equation = check(before + f"$${line}$$\n", manifest=f'define = ["{define}"]\n{declare}{sizes}')["3"]
    assert equation.verdict not in GOOD, equation.claims
    assert equation.repairs, [(c.reading, c.diagnostics) for c in equation.claims]
    assert (equation.repairs[0].words, put_in in equation.repairs[0].latex) == (slip, True), equation.repairs[0].latex


def test_a_line_is_mended_with_the_names_of_its_section() -> None:
    text = _SOFTMAX + "$$f(A) = \\sum_i \\sum_j a_{ij} \\tag{2}$$\n\n$$f(A) = \\sum_i \\sum_j a_{kj} \\tag{3}$$\n"
    manifest = (
        'define = ["1", "2"]\n[[section]]\nlines = "2-3"\n'
        "declare = ['A \\in \\mathbb{R}^{n \\times m}', 'f(A) \\in \\mathbb{R}']\n[sizes]\nC = 3\nn = 2\nm = 3\n"
    )
    (first, *_) = check(text, manifest=manifest)["3"].repairs
    assert first.words == "index" and "a_{ij}" in first.latex


def test_the_commoner_slip_that_keeps_what_a_line_speaks_of() -> None:
    """``∂E/∂y = y − ŷ`` is one edit away too, in one place only; both signs were turned."""
    equation = check(ROOT / "derivations/mlp/wrong.md")["9"]
    assert (equation.repairs[0].words, equation.repairs[0].kept) == ("sign", "left")


def test_a_derivative_by_what_it_does_not_depend_on_comes_last() -> None:
    """``∂p_i/∂ℓ = 0`` is true and nobody means it."""
    first, *others = check(ROOT / "derivations/softmax-regression/wrong.md")["12"].repairs
    assert first.words == "sum limits" and any("ell" in x.latex for x in others)


_LSTM = r"""For $x_t \in \mathbb{R}^d$ and $h_t, c_t, f_t, g_t \in \mathbb{R}^n$,
with $W_f, W_g \in \mathbb{R}^{n \times d}$, $U_f, U_g \in \mathbb{R}^{n \times n}$ and a target $y_t \in \mathbb{R}^n$:

$$f_t = \sigma(W_f x_t + U_f h_{t-1}) \tag{1}$$

$$g_t = \tanh(W_g x_t + U_g h_{t-1}) \tag{2}$$

$$c_t = f_t \odot c_{t-1} + g_t \tag{3}$$

$$h_t = \tanh(c_t) \tag{4}$$

$$L = \frac{1}{2} \sum_{t=1}^T \|h_t - y_t\|^2 \tag{5}$$

"""
_CELL = [
    (r"\frac{\partial L}{\partial f_t} = \frac{\partial L}{\partial c_t} \odot c_t", "c_{t-1}", "time step"),
    (r"\frac{\partial L}{\partial c_t} = \frac{\partial L}{\partial h_t} \odot (1 + h_t^2) "
     r"+ \frac{\partial L}{\partial c_{t+1}} \odot f_t", "f_{t+1}", "sign + time step"),
    (r"\frac{\partial L}{\partial U_g} = \sum_{t=1}^T h_{t-1} \left( \frac{\partial L}{\partial g_t} \odot (1 - g_t^2) "
     r"\right)^\top", r"h_{t-1}^\top", "transpose"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "put_in", "slip"), _CELL)
def test_steps_below_and_products_the_other_way_round(line: str, put_in: str, slip: str) -> None:
    manifest = 'define = ["1-5"]\n[steps]\nindex = "t"\nlast = "T"\n[sizes]\nd = 2\nn = 2\n'
    equation = check(_LSTM + f"$${line} \\tag{{6}}$$\n", manifest=manifest)["6"]
    first = equation.repairs[0]
    assert (sorted(first.slips), put_in in first.latex, first.kept) == (sorted(slip.split(" + ")), True, "left"), first


def test_no_quantity_is_given_in_terms_of_itself() -> None:
    """``∂E/∂v = 1 · ∂E/∂v`` is one slip away, true, and says nothing."""
    text = r"""For $u, v, x \in \mathbb{R}^n$ and $A \in \mathbb{R}^{n \times n}$:

$$u = A x \tag{1}$$

$$v = \tanh(u) \tag{2}$$

$$E = \frac{1}{2} \|v\|^2 \tag{3}$$

$$\frac{\partial E}{\partial u} = 1 \cdot \frac{\partial E}{\partial v} \tag{4}$$
"""
    repairs = check(text, manifest='define = ["1-3"]\n[sizes]\nn = 2\n')["4"].repairs
    assert not any(r"= 1 \cdot \frac{\partial E}{\partial v}" in x.latex for x in repairs)
