"""Products that may be read in two ways: nothing is decided by taking one of them."""

from __future__ import annotations

from itertools import pairwise

from symrnn.diagnostic import Problem
from symrnn.elaborate.names import head
from symrnn.latex import tree as t
from symrnn.latex.printer import short

NOT_YET = "SR190"


def unambiguous(tree: t.Product) -> None:
    """``1/2a`` may be a/2 or 1/(2a); ``10 000`` and 1½ one number or a product; ``a^12`` is a power beside a 2."""
    for (op, one), (beside, two) in pairwise(tree.factors):
        plain = isinstance(two, (t.Name, t.Num)) or (isinstance(two, t.Script) and head(two) is not None)
        if op in ("/", "\\div") and not beside and plain:
            raise Problem(NOT_YET, f"'{short(tree)}' is ambiguous: what does the '/' divide by?", tree.span)
        mixed = isinstance(one, t.Num) and isinstance(two, t.Frac) and isinstance(two.num, t.Num)
        if not beside and mixed and isinstance(two, t.Frac) and isinstance(two.den, t.Num):
            raise Problem(NOT_YET, f"'{short(one)} {short(two)}' may be one number or a product", two.span)
        if not beside and isinstance(two, t.Num):
            raise Problem(NOT_YET, f"is the {short(two)} in '{short(one)} {short(two)}' a factor or a part?", two.span)
