"""A refuted side names the term, factor or entry that is wrong, beside a side of the same make that is right."""

from __future__ import annotations

import pytest

from symrnn.library import check

HEAD = r"""Let $a, b, c, d, e, f \in \mathbb{R}$, $u, v \in \mathbb{R}^2$ and $A \in \mathbb{R}^{2 \times 2}$.

"""


def blamed(line: str) -> str:
    """The text under the caret of the only refutation."""
    text = HEAD + f"$${line} \\tag{{1}}$$\n"
    report = check(text)
    (claim,) = [c for c in report["1"].claims if c.verdict == "refuted"]
    (diagnostic,) = [d for d in claim.diagnostics if d.severity == "error"]
    assert diagnostic.span is not None
    return text[diagnostic.span.start : diagnostic.span.end]


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (r"a b + c d + e f = f e + c e + b a", "e"),
        (r"a b - c d + e f = a b - c^2 d + e f", "c^2"),
        (r"a b - c d = a b + c d", "c d"),
        (r"\frac{a + b}{c + d} = \frac{a + c}{d + c}", "c"),
        (r"\exp(a + b c) = \exp(a + b d)", "d"),
        (r"\tanh(a) + \exp(b) = \exp(a) + \tanh(a)", "a"),
        (r"u v^T = \begin{pmatrix} u_1 v_1 & u_1 v_2 \\ u_1 v_2 & u_2 v_2 \end{pmatrix}", "u_1 v_2"),
        (r"\begin{pmatrix} a \\ b + c \end{pmatrix} = \begin{pmatrix} a \\ b + d \end{pmatrix}", "d"),
        (r"a b + c = (c + a d)", "d"),
        (r"a + b + c = d + e + c", "d + e + c"),
    ],
)
def test_the_smallest_part_is_named(line: str, part: str) -> None:
    assert blamed(line) == part
