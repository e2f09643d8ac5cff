"""Which term, factor or entry of a refuted side is wrong: what stands beside it is accounted for, it is not.

Two sides of the same make (sums, products, values of one function, a matrix and anything of its shape) are matched
part by part, by exact equality at the instance of the witness. What is left over is compared in the same way, down to
the smallest part that can be named. This explains; the verdict does not rest on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symrnn.algebra.decide import Decider, Outcome
from symrnn.diagnostic import Problem
from symrnn.elaborate.claim import elaborate_side
from symrnn.elaborate.context import AS_PRINTED, Context
from symrnn.evaluate import Evaluator, Inadmissible, Mat, Unsupported
from symrnn.latex import tree as t
from symrnn.network import Network


@dataclass(frozen=True)
class Blame:
    """Compares printed parts at one instance: ``letters`` have the values of the witness."""

    context: Context
    network: Network
    letters: Mapping[str, int]
    decider: Decider

    def among(self, head: t.Tree, others: Sequence[t.Tree], wrong: t.Tree) -> t.Tree:
        """The smallest part of ``wrong`` that can be named beside the head or any other side that is equal to it."""
        target = self.value(head)
        found = [
            self.part(side, wrong) for side in (head, *others) if side is head or self.same(self.value(side), target)
        ]
        named = [x for x in found if x.span.start < x.span.end]
        return min(named, key=lambda x: x.span.end - x.span.start, default=wrong)

    def part(self, right: t.Tree, wrong: t.Tree) -> t.Tree:
        """The smallest part of ``wrong`` that alone makes it differ from ``right``; all of it if none can be named."""
        wrong, right = _bare(wrong), _bare(right)
        if isinstance(wrong, t.Matrix):
            return self.entry(right, wrong)
        pairs = self.left_over(_parts(right), _parts(wrong)) if type(right) is type(wrong) else None
        if pairs is None:
            return wrong
        one, two = pairs
        match one, two:
            case t.Additive((("-", a),)), t.Additive((("-", b),)):
                return self.part(a, b)
            case _, t.Additive((("-", _),)):
                return two
        return self.part(one, two)

    def entry(self, right: t.Tree, wrong: t.Matrix) -> t.Tree:
        """The only entry that differs."""
        target = self.value(right)
        cells = [cell for row in wrong.rows for cell in row]
        if target is None or target.shape != (len(wrong.rows), len(wrong.rows[0])):
            return wrong
        values = [self.value(cell) for cell in cells]
        wants = [Mat(((x,),)) for x in target.column()]
        off = [k for k, (a, b) in enumerate(zip(values, wants, strict=True)) if a is None or not self.same(a, b)]
        if len(off) != 1:
            return wrong
        if isinstance(right, t.Matrix) and len(right.rows[0]) == len(wrong.rows[0]):
            return self.part([cell for row in right.rows for cell in row][off[0]], cells[off[0]])
        return cells[off[0]]

    def left_over(self, right: Sequence[t.Tree], wrong: Sequence[t.Tree]) -> tuple[t.Tree, t.Tree] | None:
        """The one part of the wrong side that has no equal on the other, and what of that it stands against."""
        if not wrong or not right:
            return None
        found, wanted = [self.value(x) for x in wrong], [self.value(x) for x in right]
        if None in found or None in wanted:
            return None
        free = list(range(len(wanted)))
        lost = []
        for k, value in enumerate(found):
            match = next((j for j in free if self.same(value, wanted[j])), None)
            if match is None:
                lost.append(k)
            else:
                free.remove(match)
        if len(lost) != 1 or not free or len(wrong) == 1 < len(right):
            return None
        against = right[free[0]] if len(free) == 1 else t.Listing(tuple(right[j] for j in free), ())
        return against, wrong[lost[0]]

    def same(self, a: Mat | None, b: Mat | None) -> bool:
        """Whether two values are equal, exactly."""
        if a is None or b is None or a.shape != b.shape:
            return False
        pairs = zip(a.column(), b.column(), strict=True)
        return all(self.decider.decide(x, y) is Outcome.EQUAL for x, y in pairs)

    def value(self, tree: t.Tree) -> Mat | None:
        """What a part is worth at the instance; None where it has no meaning of its own."""
        try:
            typed = elaborate_side(self.context, tree, AS_PRINTED)
            if typed is None:
                return None
            return Evaluator(self.network, {**self.network.values, **self.letters})(typed.rhs)
        except (Problem, Unsupported, Inadmissible, KeyError, RecursionError):
            return None


def _bare(tree: t.Tree) -> t.Tree:
    """Without the brackets and labels around it."""
    match tree:
        case t.Fence("(" | "[" | "\\{", body, _) | t.Brace(_, body):
            return _bare(body)
        case _:
            return tree


def _parts(tree: t.Tree) -> tuple[t.Tree, ...]:
    """What a side is made of: signed terms, factors, the argument of a function, the halves of a fraction."""
    match tree:
        case t.Additive(terms):
            return tuple(t.Additive(((sign, term),), span=term.span) if sign == "-" else term for sign, term in terms)
        case t.Product(factors) if not any(op in ("/", "\\div") for op, _ in factors):
            return tuple(factor for _, factor in factors)
        case t.Call(_, argument):
            return (argument,)
        case t.Frac(num, den):
            return (num, den)
        case _:
            return ()
