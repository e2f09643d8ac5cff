"""Gradients and derivations written by the tool: read back, proved, equal to finite differences and to the note."""

from __future__ import annotations

import math
import random
import shutil
import subprocess
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner

import symrnn
from symrnn.algebra import terms as T
from symrnn.checker import Checker
from symrnn.cli import main
from symrnn.derive.gradients import Gradients
from symrnn.derive.group import spread_out
from symrnn.derive.write import derivation, markdown, tex
from symrnn.diagnostic import UsageError
from symrnn.elaborate.expression import Elaborator
from symrnn.expr import Entry, Index
from symrnn.general.axes import STEP, Shapes
from symrnn.general.differentiate import Graph
from symrnn.general.translate import Translator
from symrnn.latex.parser import parse_expression
from symrnn.library import prepare
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


# -- numbers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", selection([*FAST, "gru"]))
def test_printed_totals_agree_with_finite_differences(cell: str) -> None:
    """The printed line of every parameter, evaluated, against central differences of the loss at a random point."""
    from symrnn.evaluate import Evaluator, Leaf

    found = gradients(cell)
    checker = found.checker
    network = checker.network(2 if checker.timed else 1, tuple(checker.assumptions))
    loss = network.leaf(Leaf(found.loss, 1, 1, None))
    leaves = [t for t in T.postorder([loss], _below) if t.op == "sym"]
    rng = random.Random(cell)
    point = {t.id: rng.uniform(0.2, 1.2) for t in leaves}
    compared = 0
    for derivative in found.parameters:
        for line in derivative.lines():
            read = Elaborator(checker.context).expr(parse_expression(found.typeset(line.members[-1])))
            if isinstance(line.lhs.wrt, Entry):  # type: ignore[attr-defined]
                continue
            value = Evaluator(network, dict(network.values))(read)
            rows, cols = value.shape
            for i, j in product(range(rows), range(cols)):
                leaf = network.leaf(Leaf(derivative.symbol, i + 1, j + 1, None))
                up, down = ({**point, leaf.id: point[leaf.id] + step} for step in (1e-5, -1e-5))
                numeric = (_number(loss, up) - _number(loss, down)) / 2e-5
                slope = _number(value.rows[i][j], point)
                assert abs(slope - numeric) < 1e-7 * max(1.0, abs(numeric)), (derivative, i, j)
                compared += 1
    assert compared > 5


FLOATS = {
    "exp": math.exp,
    "ln": math.log,
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "relu": lambda x: max(x, 0.0),
    "step": lambda x: float(x > 0),
}


def _below(t: T.Term):  # type: ignore[no-untyped-def]
    return (t.args[1],) if t.op == "let" else T.parts(t)


def _number(term: T.Term, point, functions=FLOATS):  # type: ignore[no-untyped-def]
    """A term in floats, every vertex opened."""
    at = dict(point)
    for t in T.postorder([term], _below):
        if t.id in at:
            continue
        below = [at[x.id] for x in _below(t)]
        match t.op:
            case "num":
                at[t.id] = float(t.args[0])
            case "let":
                at[t.id] = below[0]
            case "add":
                at[t.id] = sum(below)
            case "mul":
                at[t.id] = math.prod(below)
            case "pow":
                at[t.id] = below[0] ** float(t.args[1])
            case _:
                at[t.id] = functions[t.args[0]](below[0])
    return at[term.id]


@slow
@pytest.mark.parametrize("cell", CELLS)
def test_printed_totals_agree_with_automatic_differentiation(cell: str) -> None:
    """The printed line of every parameter against JAX's derivative of the loss, over three steps, to 1e-10."""
    jax = pytest.importorskip("jax")
    from symrnn.evaluate import Evaluator, Leaf

    jax.config.update("jax_enable_x64", True)
    jnp, nn = jax.numpy, jax.nn
    functions = {"exp": jnp.exp, "ln": jnp.log, "tanh": jnp.tanh, "sigmoid": nn.sigmoid, "relu": nn.relu}
    found = gradients(cell)
    checker = found.checker
    network = checker.network(3 if checker.timed else 1, tuple(checker.assumptions))
    loss = network.leaf(Leaf(found.loss, 1, 1, None))
    names = [t.id for t in T.postorder([loss], _below) if t.op == "sym"]
    rng = random.Random(f"jax {cell}")
    values = [rng.uniform(-1.0, 1.0) for _ in names]
    slopes = jax.grad(lambda v: _number(loss, dict(zip(names, v, strict=True)), functions))(values)
    automatic = dict(zip(names, map(float, slopes), strict=True))
    point = dict(zip(names, values, strict=True))
    compared = 0
    for derivative in found.parameters:
        line = derivative.lines()[0]
        if isinstance(line.lhs.wrt, Entry):  # type: ignore[attr-defined]
            continue
        read = Elaborator(checker.context).expr(parse_expression(found.typeset(line.members[-1])))
        value = Evaluator(network, dict(network.values))(read)
        for i, j in product(*map(range, value.shape)):
            leaf = network.leaf(Leaf(derivative.symbol, i + 1, j + 1, None))
            assert abs(_number(value.rows[i][j], point) - automatic[leaf.id]) < 1e-10, (derivative, i, j)
            compared += 1
    assert compared > 5


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
