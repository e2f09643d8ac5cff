"""Gradients and derivations written by the tool: read back, proved, equal to finite differences and to the note."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import symrnn
from symrnn.checker import Checker
from symrnn.cli import main
from symrnn.derive.alike import key, same
from symrnn.derive.blocks import Display
from symrnn.derive.entries import mapped
from symrnn.derive.gradients import Gradients
from symrnn.derive.group import spread_out
from symrnn.derive.tables import Braced
from symrnn.derive.write import derivation, manifest, markdown, ranges, tex
from symrnn.diagnostic import UsageError
from symrnn.elaborate.expression import Elaborator
from symrnn.expr import Expr, Index
from symrnn.general.axes import STEP, Shapes
from symrnn.general.differentiate import Graph
from symrnn.general.translate import Translator
from symrnn.latex.parser import parse_expression
from symrnn.library import prepare
from symrnn.manifest import covers
from symrnn.verdict import Kind

ROOT = Path(__file__).parent.parent
CELLS = sorted(p.parent.name for p in ROOT.glob("derivations/*/forward.md"))
FAST = ["mlp", "softmax-regression"]
slow = pytest.mark.slow


def gradients(cell: str) -> Gradients:
    return Gradients(prepare(ROOT / "derivations" / cell / "forward.md"))


def selection(fast: list[str]) -> list[object]:
    return [pytest.param(c, marks=() if c in fast else slow) for c in CELLS]


def test_the_cells_are_there() -> None:
    wanted = {"rnn-tanh", "rnn-relu", "rnn-sigmoid", "gru", "lstm", "lstm-peephole", "rnn-two-layers"}
    assert wanted | {"softmax-regression", "mlp", "attention"} <= set(CELLS)


# -- what is written ------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", selection([*FAST, "rnn-tanh"]))
def test_the_derivation_is_the_one_that_is_generated(cell: str) -> None:
    folder = ROOT / "derivations" / cell
    assert markdown(derivation(gradients(cell))) == (folder / "derivation.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("cell", selection(FAST))
def test_every_line_of_a_derivation_is_proved(cell: str) -> None:
    report = symrnn.check(ROOT / "derivations" / cell / "derivation.md")
    bad = [(e.number, e.verdict.value, e.latex) for e in report if e.verdict.value not in ("proved", "defined")]
    assert not bad
    assert report.summary[Kind.PROVED] >= 15
    assert all(e.verdict is Kind.PROVED or report.checker.manifest.defines(e.number) for e in report)


def _lines(found: Gradients, form: str):  # type: ignore[no-untyped-def]
    for derivative in [*found.nodes, *found.parameters]:
        yield from derivative.lines(form)
        if derivative.steady and form == "matrix":
            yield derivative.copy


@pytest.mark.parametrize("form", ["matrix", "sums"])
@pytest.mark.parametrize("cell", selection([*FAST, "gru", "attention"]))
def test_what_is_printed_is_read_as_what_was_meant(cell: str, form: str) -> None:
    found = gradients(cell)
    checker, ring = found.checker, found.chain.ring
    for line in _lines(found, form):
        for e in (line.lhs, *line.members):
            elab = Elaborator(checker.context)
            read = elab.expr(parse_expression(found.typeset(e)))
            assert all(elab.scope.same(a, b) for a, b in zip(read.shape, e.shape, strict=True)), found.typeset(e)
            steps = dict.fromkeys((checker.manifest.steps.index, checker.manifest.steps.last), STEP)
            shapes = Shapes(checker.manifest.sizes, found.chain.shapes)
            scope = dict(steps)
            axes = shapes.of(e, scope)
            shapes.of(read, scope)
            graph: Graph = found.chain.graph
            tr = Translator(ring, shapes, scope, graph.derive)
            ring.work = 0
            i, j = (Index(None, 1) if a == "1" else Index(x) for a, x in zip(axes, ("@i", "@j"), strict=True))
            assert not spread_out(ring, ring.sub(tr(e, i, j), tr.entry(read, i, j))), found.typeset(e)


def _bare(e: Expr) -> Expr:
    return _bare(e.body) if isinstance(e, Braced) else mapped(e, _bare)


@pytest.mark.parametrize("cell", selection([*FAST, "rnn-tanh", "attention"]))
def test_every_member_of_a_derivation_is_read_as_it_was_meant(cell: str) -> None:
    """Not only as something equal: the same expression up to the order of terms and the names of letters."""
    found = gradients(cell)
    count = 0
    for display in derivation(found).blocks:
        for line in display.lines if isinstance(display, Display) else ():
            elab = Elaborator(found.checker.context)
            for e in (line.lhs, *line.members):
                read = elab.expr(parse_expression(found.typeset(e)))
                assert key(read) == key(_bare(e)), found.typeset(e)
                count += 1
    assert count > 70


def test_no_derivative_is_left_over_and_no_bracket_is_needless() -> None:
    text = markdown(derivation(gradients("mlp")))
    assert "Derivative" not in text
    assert "((" not in text.replace("((W", "").replace("((a", "").replace("((b", "").replace("((z", "")


# -- the note's own lines ---------------------------------------------------------------------------


def _read(checker: Checker, latex: str):  # type: ignore[no-untyped-def]
    return Elaborator(checker.context).expr(parse_expression(latex))


NOTE = {
    ("h", 0): r"\mathbf{V}^T \nabla_{\mathbf{o}^{(\tau)}} L",  # (33)
    (
        "h",
        1,
    ): r"\mathbf{W}^T \text{diag}\left(1 - (\mathbf{h}^{(t+1)})^2\right) \left(\nabla_{\mathbf{h}^{(t+1)}} L\right)"
    r" + \mathbf{V}^T \left(\nabla_{\mathbf{o}^{(t)}} L\right)",  # (45)
    ("c", 0): r"\sum_t \nabla_{\mathbf{o}^{(t)}} L",  # (50), (84)
    ("b", 0): r"\sum_t \text{diag}\left(1 - (\mathbf{h}^{(t)})^2\right) \nabla_{\mathbf{h}^{(t)}} L",  # (63), (85)
    ("V", 0): r"\sum_t \left(\nabla_{\mathbf{o}^{(t)}} L \right) (\mathbf{h}^{(t)})^T",  # (86)
    (
        "W",
        0,
    ): r"\sum_t \text{diag}\left(1 - (\mathbf{h}^{(t)})^2\right) (\nabla_{\mathbf{h}^{(t)}} L) (\mathbf{h}^{(t-1)})^T",
    (
        "U",
        0,
    ): r"\sum_t \text{diag}\left(1 - (\mathbf{h}^{(t)})^2\right) (\nabla_{\mathbf{h}^{(t)}} L) (\mathbf{x}^{(t)})^T",
}


@pytest.mark.parametrize("document", ["bptt/note.md", "rnn-tanh/forward.md"])
def test_the_gradients_of_the_vanilla_network_are_the_lines_of_the_note(document: str) -> None:
    found = Gradients(prepare(ROOT / "derivations" / document))
    for (name, k), latex in NOTE.items():
        printed = found.typeset(found[name].lines()[k].members[-1])
        assert _read(found.checker, printed) == _read(found.checker, latex), (name, printed)


def test_components_of_the_note() -> None:
    """(28) before the class is fixed, and (41)'s kin."""
    found = gradients("rnn-tanh")
    line = found["h"].values(found["h"].cases[0])
    first = found["h"].components(found["h"].sums(line))
    next(first)
    assert found.typeset(next(first).members[0]) == (
        r"v_{12} (\hat{y}_1^{(\tau)} - y_1^{(\tau)}) + v_{22} (\hat{y}_2^{(\tau)} - y_2^{(\tau)})"
        r" + v_{32} (\hat{y}_3^{(\tau)} - y_3^{(\tau)})"
    )


# -- steps between the lines ------------------------------------------------------------------------


def _made(cell: str, layout: str = "numerator") -> tuple[str, str]:
    folder = ROOT / "derivations" / cell
    head = f'layout = "{layout}"\n' + (folder / "forward.toml").read_text(encoding="utf-8")
    made = derivation(Gradients(prepare((folder / "forward.md").read_text(encoding="utf-8"), head)))
    return markdown(made), manifest(made, head)


def _verdicts(text: str, toml: str) -> dict[str, int]:
    return {kind.value: n for kind, n in symrnn.check(text, toml).summary.items() if n}


@pytest.mark.parametrize("cell", ["mlp", pytest.param("rnn-tanh", marks=slow), pytest.param("lstm", marks=slow)])
def test_jacobians_are_written_in_the_declared_layout(cell: str) -> None:
    text, toml = _made(cell, "denominator")
    assert set(_verdicts(text, toml)) == {"proved", "defined"}
    other = _verdicts(text, toml.replace("denominator", "numerator"))
    assert other.get("refuted", 0) + other.get("ill-formed", 0) > 0


def test_the_layout_transposes_what_is_printed() -> None:
    assert r"\frac{\partial z^{(2)}}{\partial a^{(1)}} = W^{(2)} " in _made("mlp")[0]
    assert r"\frac{\partial z^{(2)}}{\partial a^{(1)}} = (W^{(2)})^T " in _made("mlp", "denominator")[0]


def test_the_active_class_is_assumed_where_it_is_put_in_and_nowhere_else() -> None:
    text, toml = _made("rnn-tanh")
    assert "let = '\\mathbf{y}^{(t)} = (1, 0, 0)^T'" in toml
    assert r"\frac{\partial L}{\partial o_1^{(t)}} = \hat{y}_1^{(t)} - y_1^{(t)} \tag{17}" in text  # for every class
    assert r"= \hat{y}_1^{(t)} - 1 \tag{19}" in text
    (lines,) = [x for x in toml.splitlines() if x.startswith("lines")]
    numbers = lines.partition('"')[2].strip('"')
    assert covers(numbers, "19") and not covers(numbers, "17")
    assert ranges([3, 4, 5, 9, 11, 12]) == "3-5, 9, 11-12"
    assert "active-class" not in _made("softmax-regression")[1]  # its label is a vector of probabilities


def test_sums_of_rows_have_a_matrix_form() -> None:
    """The softmax over rows: A ⊙ G − diag((A ⊙ G) 1) A, found by contraction and proved."""
    found = gradients("attention")
    (line,) = found["S"].lines()
    assert found.text(line) == (
        r"\nabla_{S} \ell = A \odot \nabla_{A} \ell - \operatorname{diag}((A \odot \nabla_{A} \ell) \mathbf{1}_N) A"
    )
    assert {c.verdict for c in found.proved(line)} == {Kind.PROVED}


ONES = r"""
With $x, y \in \mathbb{R}^n$ let $n$ be their length.

$$s = x^\top \mathbf{1}_n \tag{1}$$

$$s = \sum_{i=1}^n x_i \tag{2}$$

$$y^\top \mathbf{1}_n = s \tag{3}$$

$$x_i = \sum_{k=1}^n \mathbf{1}_{i=k} x_k \tag{4}$$

$$x_i = \mathbf{1}_k x_i \tag{5}$$
"""


def test_a_vector_of_ones_is_read_where_a_size_stands_below_it() -> None:
    report = symrnn.check(ONES, 'define = ["1"]\n[sizes]\nn = 3\n')
    assert [e.verdict.value for e in report][:4] == ["defined", "proved", "refuted", "proved"]
    assert [e.verdict.value for e in report][4] not in ("proved", "defined")


def test_a_jacobian_is_printed_on_request() -> None:
    path = str(ROOT / "derivations" / "rnn-tanh")
    out = run(path, "--of", "o", "--wrt", "h").output
    assert out.strip() == r"\frac{\partial \mathbf{o}^{(t)}}{\partial \mathbf{h}^{(t)}} = \mathbf{V}"
    assert run(path, "--of", "W", "--wrt", "h").exit_code == 2
    assert "those of: a, o" in run(path, "--of", "W", "--wrt", "h").output


def test_a_brief_derivation_has_no_steps_in_between() -> None:
    found = gradients("softmax-regression")
    brief, full = (markdown(derivation(found, x)) for x in (False, True))
    assert "pmatrix" in full and "As a function of" in full
    assert "pmatrix" not in brief and "As a function of" not in brief


def test_alike_is_order_and_letters_and_nothing_more() -> None:
    checker = gradients("rnn-tanh").checker
    one = _read(checker, r"\sum_{i=1}^5 v_{1i} (b_i + h_i^{(t)})")
    assert same(one, _read(checker, r"\sum_{k=1}^5 (h_k^{(t)} + b_k) v_{1k}"))
    for other in (
        r"\sum_{i=1}^5 v_{1i} (b_i - h_i^{(t)})",
        r"\sum_{i=1}^5 v_{1i} b_i + \sum_{i=1}^5 v_{1i} h_i^{(t)}",
        r"\sum_{i=1}^5 v_{2i} (b_i + h_i^{(t)})",
        r"\sum_{i=1}^5 v_{1i} (b_i + h_i^{(t-1)})",
    ):
        assert not same(one, _read(checker, other)), other
    copy, whole = (_read(checker, rf"\nabla_{{{x}}} L") for x in (r"\mathbf{b}^{(\tau)}", r"\mathbf{b}"))
    assert not same(copy, whole)


# -- numbers ----------------------------------------------------------------------------------------


def _benchmark():  # type: ignore[no-untyped-def]
    spec = importlib.util.spec_from_file_location("benchmark_of_derive", ROOT / "benchmarks/derive.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("cell", CELLS)
def test_printed_totals_agree_with_finite_differences(cell: str) -> None:
    """The printed line of every parameter, evaluated, against central differences of the loss at a random point."""
    bench = _benchmark()
    point = bench.Point(cell)
    assert bench.apart(point.printed(), point.differences()) < 1e-7


@slow
@pytest.mark.parametrize("cell", CELLS)
def test_printed_totals_agree_with_automatic_differentiation(cell: str) -> None:
    """The same against PyTorch's derivative of a forward pass that is written by hand, over three steps, to 1e-10."""
    pytest.importorskip("torch")
    bench = _benchmark()
    point = bench.Point(cell)
    assert bench.apart(point.printed(), point.autograd(cell)) < 1e-10


# -- commands and errors ------------------------------------------------------------------------------


def run(*args: str):  # type: ignore[no-untyped-def]
    return CliRunner().invoke(main, ["derive", *args])


def test_the_command_prints_gradients_in_three_forms() -> None:
    path = str(ROOT / "derivations" / "mlp" / "forward.md")
    names = list(gradients("mlp"))
    weights = next(n for n in names if n.startswith("W") and "2" in n)
    matrix = run(path, "--wrt", weights).output
    assert matrix.strip() == r"\nabla_{W^{(2)}} E = (\nabla_{z^{(2)}} E) (a^{(1)})^T"
    assert r"\frac{\partial E}{\partial (W^{(2)})_{ij}}" in run(path, "--wrt", weights, "--form", "sums").output
    assert run(path, "--wrt", weights, "--form", "components").output.count("&=") == 6


def test_steps_are_spelled_out() -> None:
    out = run(str(ROOT / "derivations" / "rnn-tanh"), "--wrt", "c", "--steps", "2").output
    assert r"\nabla_{\mathbf{o}^{(1)}} L + \nabla_{\mathbf{o}^{(2)}} L" in out
    assert r"\sum" not in out


def test_the_command_writes_a_derivation_and_its_manifest(tmp_path: Path) -> None:
    out = tmp_path / "notes.md"
    result = run(str(ROOT / "derivations" / "softmax-regression"), "--output", str(out))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "notes.toml").is_file()
    report = symrnn.check(out)
    assert {e.verdict.value for e in report} == {"proved", "defined"}


def test_from_python() -> None:
    report = symrnn.check(ROOT / "derivations" / "softmax-regression" / "forward.md")
    found = report.model.gradients()
    assert found["W"].latex(form="matrix") == r"\nabla_{W} \ell = (\nabla_{z} \ell) x^T"
    assert found["W"]._repr_latex_().startswith("$$")
    assert found["W"].latex(numbered=True).startswith("\\begin{equation}\n\\nabla")
    assert found["b"].matrix().shape == (3, 1)
    with pytest.raises(KeyError, match="does not depend"):
        found["nothing"]
    with pytest.raises(ValueError, match="forms are"):
        found["W"].latex(form="tensor")


BROKEN = {
    "an unknown function": (r"h_t = \operatorname{mish}(W h_{t-1} + x_t)", "3:", "mish"),
    "a circle within a step": (r"h_t = \tanh(W h_t + x_t)", "3:", "circle"),
    "shapes that clash": (r"h_t = \tanh(W h_{t-1} + v)", "3:", "conform"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_differentiated_is_named_with_its_line(case: str, tmp_path: Path) -> None:
    line, place, word = BROKEN[case]
    text = (
        "With $h_t, x_t \\in \\mathbb{R}^n$, $W \\in \\mathbb{R}^{n \\times n}$ and $v \\in \\mathbb{R}^m$ let\n\n"
        f"$${line} \\tag{{1}}$$\n\n$$L = \\sum_{{t=1}}^T h_t^\\top h_t \\tag{{2}}$$\n"
    )
    (tmp_path / "cell.md").write_text(text)
    (tmp_path / "cell.toml").write_text(
        'define = ["1", "2"]\n[steps]\nindex = "t"\nlast = "T"\n[sizes]\nn = 2\nm = 3\n'
    )
    with pytest.raises(UsageError) as error:
        Gradients(prepare(tmp_path / "cell.md"))
    assert f"cell.md:{place}" in str(error.value)
    assert word in str(error.value)
    assert run(str(tmp_path / "cell.md")).exit_code == 2


LATE = r"""
With $x_t \in \mathbb{R}^d$, $h_t \in \mathbb{R}^n$, $W, Q \in \mathbb{R}^{n \times n}$,
$U \in \mathbb{R}^{n \times d}$, $v \in \mathbb{R}^n$, $y \in \mathbb{R}$ and $\lambda \in \mathbb{R}$ let

$$h_t = \tanh(W h_{t-1} + Q h_{t-2} + U x_t) \tag{1}$$

$$s = v^\top h_T \tag{2}$$

$$L = \frac{1}{2} (s - y)^2 + \frac{\lambda}{2} \|W\|_F^2 \tag{3}$$
"""
LATE_TOML = """
define = ["1-3"]
data = ["y", "lambda"]
[steps]
index = "t"
last = "T"
[sizes]
n = 2
d = 2
"""


def test_two_lags_a_loss_at_the_last_step_and_a_penalty() -> None:
    """No cell of the folder has these: ∇_h has three cases, and ∇_W a term that no step has."""
    found = Gradients(prepare(LATE, LATE_TOML))
    first, second, generic = found["h"].cases
    assert found.text(first) == r"\nabla_{h_T} L = \frac{\partial L}{\partial s} v"
    assert "Q" not in found.text(second) and r"h_{t+2}" in found.text(generic)
    assert found.typeset(found["W"].total.members[-1]).endswith(r"h_{t-1}^{\top} + \lambda W")
    report = symrnn.check(markdown(derivation(found)), LATE_TOML)
    assert report.summary[Kind.PROVED] > 20
    assert sum(report.summary.values()) == report.summary[Kind.PROVED] + report.summary[Kind.DEFINED]


def test_a_wrong_sign_in_a_generated_line_is_refuted() -> None:
    text = markdown(derivation(Gradients(prepare(LATE, LATE_TOML))))
    line = r"\frac{\partial L}{\partial s} = s - y"
    assert line in text
    report = symrnn.check(text.replace(line, line.replace("s - y", "s + y")), LATE_TOML)
    assert report.summary[Kind.REFUTED] == 1


def test_denominators_are_collected() -> None:
    text = "Let $X \\in \\mathbb{R}^{N \\times d}$, $w \\in \\mathbb{R}^d$, $y \\in \\mathbb{R}^N$.\n\n"
    text += "$$q = \\sigma(X w) \\tag{1}$$\n\n"
    text += "$$J = -\\sum_{i=1}^N (y_i \\ln q_i + (1 - y_i) \\ln(1 - q_i)) \\tag{2}$$\n"
    found = Gradients(prepare(text, 'define = ["1-2"]\ndata = ["X", "y"]\n[sizes]\nN = 2\nd = 2\n'))
    assert found["q"].latex() == r"\nabla_{q} J = \frac{1 - y}{1 - q} - \frac{y}{q}"
    assert found["w"].latex().endswith("X^T (q - y)")


@slow
def test_the_note_itself_is_derived_and_proved(tmp_path: Path) -> None:
    """Its one-hot assumption is for lines 12 to 88; in the manifest of the derivation it is for all lines."""
    out = tmp_path / "bptt.md"
    assert run(str(ROOT / "derivations" / "bptt" / "note.md"), "--output", str(out)).exit_code == 0
    new = [e for e in symrnn.check(out) if e.number.isdigit() and int(e.number) > 88]
    assert len(new) > 35 and {e.verdict for e in new} == {Kind.PROVED}


# -- typesetting ------------------------------------------------------------------------------------


@slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("cell", CELLS)
def test_the_latex_document_compiles_without_overfull_boxes(cell: str, tmp_path: Path) -> None:
    (tmp_path / "d.tex").write_text(tex(derivation(gradients(cell))), encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "d.tex"], cwd=tmp_path, capture_output=True
    )
    log = (tmp_path / "d.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-2000:]
    assert "Overfull" not in log
