"""The library's front door and the SymPy model."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import sympy

import symrnn
import symrnn.checker

ROOT = Path(__file__).resolve().parent.parent
NOTE = ROOT / "derivations/bptt/note.md"


@pytest.fixture(scope="module")
def report() -> symrnn.Report:
    return symrnn.check(NOTE)


def test_check_is_the_function_whatever_was_imported() -> None:
    assert callable(symrnn.check)


def test_report_by_number(report: symrnn.Report) -> None:
    assert report["27"].verdict == "proved"
    assert report["25"].verdict == "refuted"
    assert report["25"].claims[0].witness is not None
    with pytest.raises(KeyError, match="no equation"):
        report["89"]


def test_text_with_a_manifest() -> None:
    found = symrnn.check(
        "Let $a, b \\in \\mathbb{R}$.\n\n$$(a+b)^2 = a^2 + 2ab + b^2 \\tag{1}$$", manifest="title = 'x'\n"
    )
    assert found["1"].verdict == "proved"
    assert found["1"].claims[0].scope.words() == "for all sizes and lengths"


def test_the_model_holds_the_printed_definitions(report: symrnn.Report) -> None:
    model = report.model
    assert {"a", "h", "o", "hat_y", "L"} <= set(model.names)
    net = model.unroll(steps=2)
    expected = "V[2,1]*h[1]@2 + V[2,2]*h[2]@2 + V[2,3]*h[3]@2 + V[2,4]*h[4]@2 + V[2,5]*h[5]@2 + c[2]"
    assert sorted(str(net.o[2][2]).split(" + ")) == sorted(expected.split(" + "))
    assert net.a[1].matrix.shape == (5, 1)
    assert net.h[2][1].func is sympy.tanh
    assert len(net.L[2].free_symbols) == 6
    assert len(net.substitute(net.h[2][1], 10).atoms(sympy.tanh)) == 6
    with pytest.raises(IndexError):
        net.o[3][1]
    with pytest.raises(IndexError):
        net.o[2][4]
    with pytest.raises(AttributeError, match="defines no 'q'"):
        _ = net.q


def test_fifty_steps_build_in_seconds_and_grow_linearly(report: symrnn.Report) -> None:
    from symrnn.algebra.terms import postorder
    from symrnn.evaluate import Leaf

    start = time.monotonic()
    sizes = {}
    checker = report.checker
    (w,) = (s for s in checker.context.names.symbols if s.key == "W")
    (loss,) = (s for s in checker.model.definitions if s.key == "L" and not s.timed)
    for steps in (10, 25, 50):
        network = checker.network(steps, ())
        value = network.leaf(Leaf(loss, 1, 1, None))
        slope = network.adjoint(Leaf(loss, 1, 1, None), Leaf(w, 2, 3, None))
        sizes[steps] = len(postorder([value, slope]))
    assert time.monotonic() - start < 20
    assert sizes[50] - sizes[25] < 2.6 * (sizes[25] - sizes[10]) * 25 / 15


def test_gradients_agree_with_finite_differences(report: symrnn.Report) -> None:
    """The chain rule over the graph against central differences of the same graph's value, in ball arithmetic."""
    from fractions import Fraction

    from symrnn.algebra.ball import Point
    from symrnn.evaluate import Leaf

    checker = report.checker
    network = checker.network(3, ())
    (loss,) = (s for s in checker.model.definitions if s.key == "L" and not s.timed)
    total = Leaf(loss, 1, 1, None)
    step = Fraction(1, 10**6)
    for key, row, col in (("W", 2, 3), ("U", 1, 4), ("V", 3, 5), ("b", 4, 1), ("c", 2, 1)):
        symbol = next(s for s in checker.context.names.symbols if s.key == key)
        leaf = Leaf(symbol, row, col, None)
        values = []
        for sign in (1, -1):
            point = Point(7)
            point.used[leaf] = point.rational(leaf) + sign * step
            values.append(point.value(network.leaf(total)))
        numeric = (values[0] - values[1]) / (2 * step.numerator) * step.denominator
        exact = Point(7).value(network.adjoint(total, leaf))
        assert abs(float((numeric - exact).mid())) < 1e-9, key


def test_true_in_the_other_layout_is_said() -> None:
    text = "Let $A \\in \\mathbb{R}^{2 \\times 3}$, $x \\in \\mathbb{R}^3$.\n\n"
    text += "$$\\frac{\\partial (A x)}{\\partial x} = A^\\top \\tag{1}$$\n\n"
    text += "$$\\frac{\\partial (A x)}{\\partial x} = A + A \\tag{2}$$\n"
    found = symrnn.check(text)
    assert found["1"].verdict == "ill-formed" and found["2"].verdict == "refuted"
    assert [d.code for d in found["1"].claims[0].diagnostics] == ["SR302", "SR404"]
    assert [d.code for d in found["2"].claims[0].diagnostics] == ["SR401"]
    assert symrnn.check(text, manifest="layout = 'denominator'\n")["1"].verdict == "proved"


def test_a_witness_names_the_length_as_the_document_does() -> None:
    def message(text: str, manifest: str) -> str:
        return symrnn.check(f"{text}\n\n$$a = b$$\n", manifest + "\n").equations[0].claims[0].diagnostics[0].message

    assert "at a point:" in message("For $a, b \\in \\mathbb{R}$.", "")
    assert "at T=" in message("For $a, b, x_t \\in \\mathbb{R}$.", '[steps]\nlast = "T"')


def test_what_leaves_a_line_undecided_is_a_warning() -> None:
    report = symrnn.check("For $a, b \\in \\mathbb{R}$.\n\n$$a \\approx b$$\n\n$$a \\frobnicate b$$\n\n$$a = b$$\n")
    found = [[*e.diagnostics, *(d for c in e.claims for d in c.diagnostics)][0].severity.value for e in report]
    assert found == ["warning", "warning", "error"]
