"""What becomes of slips: how many are caught, how many are mended, and what is held against right lines.

    python benchmarks/mutation.py [--number N] [--seed S] [--repairs R] [DOCUMENT …]

Every proved line of the documents is given one slip at a time (the table of tests/test_mutants.py), drawn by seed.
*Killed*: refuted, ill-formed or undecided. A mutant that is still proved is evaluated in floating point at a random
point, a second way to its truth. *Mended*: the first repair has sides of the original's values. *False alarms*: right
lines rewritten (terms in another order, bound letters renamed, sums written out) that are not proved any more.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from test_mutants import mutants  # noqa: E402

from symrnn.checker import Checker  # noqa: E402
from symrnn.claims import Equation, Typed  # noqa: E402
from symrnn.diagnostic import Problem  # noqa: E402
from symrnn.elaborate.claim import elaborate  # noqa: E402
from symrnn.elaborate.paper import Flow, Line, Lines  # noqa: E402
from symrnn.latex import tree as t  # noqa: E402
from symrnn.latex.parser import parse  # noqa: E402
from symrnn.latex.printer import latex  # noqa: E402
from symrnn.manifest import Manifest, load  # noqa: E402
from symrnn.read.document import read_path  # noqa: E402
from symrnn.repair.mend import _repairs  # noqa: E402
from symrnn.repair.sample import TOLERANCE, Sample  # noqa: E402
from symrnn.repair.vocabulary import vocabulary  # noqa: E402
from symrnn.verdict import Kind  # noqa: E402

DOCUMENTS = ("bptt/corrected.md", "elman/note.md", "mlp/note.md", "softmax-regression/note.md")


@dataclass
class Place:
    """A proved line where it stands."""

    checker: Checker
    k: int
    flow: Flow
    line: Line
    words: Any

    def equation(self, text: str) -> Equation | None:
        """What another text of the line claims."""
        try:
            tree = parse(text, None, self.checker.lines.words)
        except Problem:
            return None
        formula = replace(self.line.formula, latex=text, offsets=tuple(range(len(text) + 1)))
        return self.checker.lines.equation(self.k, Line(self.line.number, formula, tree, None), self.flow)[0]


def _manifest_of(path: Path) -> Manifest:
    beside = path.with_suffix(".toml")
    return load(beside if beside.is_file() else path.with_name("note.toml"))


def places(path: Path) -> Iterator[Place]:
    """The proved lines of a document."""
    document, manifest = read_path(path), _manifest_of(path)
    checker = Checker(document, manifest)
    words = vocabulary(checker.context, document.source, checker.lines.lines)
    flow = Flow()
    for k, line in enumerate(checker.lines.lines):
        equation, after = checker.lines.equation(k, line, flow)
        if checker.narrow(equation).verdict is Kind.PROVED:
            yield Place(checker, k, flow, line, words)
        flow = after


# -- right lines rewritten ------------------------------------------------------------------------


def rewritings(tree: t.Statements) -> Iterator[tuple[str, t.Tree]]:
    """The same line in other words."""
    yield "terms in another order", _everywhere(tree, _reversed)
    yield "bound letters renamed", _everywhere(tree, _renamed)
    yield "sums written out", _everywhere(tree, _written_out)


def _everywhere(tree: Any, change: Any) -> Any:
    if isinstance(tree, tuple):
        return tuple(_everywhere(x, change) for x in tree)
    if not isinstance(tree, t.Tree) or isinstance(tree, (t.Script, t.Brace)):
        return tree
    inner = replace(
        tree, **{f.name: _everywhere(getattr(tree, f.name), change) for f in fields(tree) if f.name != "span"}
    )
    return change(inner)


def _reversed(tree: t.Tree) -> t.Tree:
    if isinstance(tree, t.Additive) and len(tree.terms) > 1:
        (first, *_), *rest = [(sign or "+", term) for sign, term in reversed(tree.terms)]
        terms = [(sign or "+", term) for sign, term in reversed(tree.terms)]
        return t.Additive((("" if first == "+" else first, terms[0][1]), *rest))
    return tree


def _substituted(tree: Any, letter: str, new: t.Tree) -> Any:
    if tree == t.Name(letter):
        return new
    if isinstance(tree, tuple):
        return tuple(_substituted(x, letter, new) for x in tree)
    if not isinstance(tree, t.Tree):
        return tree
    return replace(
        tree, **{f.name: _substituted(getattr(tree, f.name), letter, new) for f in fields(tree) if f.name != "span"}
    )


def _bound(tree: t.Tree) -> str | None:
    match tree:
        case t.Big("\\sum", t.Chain((("", t.Name(letter, "")), ("=", _)))):
            return letter
    return None


def _renamed(tree: t.Tree) -> t.Tree:
    letter = _bound(tree)
    return tree if letter is None or letter in ("t", "k") else _substituted(tree, letter, t.Name("\\rho"))


def _written_out(tree: t.Tree) -> t.Tree:
    letter = _bound(tree)
    match tree:
        case t.Big("\\sum", t.Chain((_, ("=", t.Num(low)))), t.Num(high), body) if letter is not None and letter != "t":
            terms = [_substituted(body, letter, t.Num(str(k))) for k in range(int(low), int(high) + 1)]
            return t.Fence("(", t.Additive(tuple(("+" if k else "", x) for k, x in enumerate(terms))), ")")
    return tree


# -- the campaign ---------------------------------------------------------------------------------


def true_in_floats(place: Place, equation: Equation) -> bool:
    """Whether all claims hold at a random point, to rounding."""
    sample = Sample(place.checker, place.line.number)
    for claim in equation.claims:
        if claim.lhs is not None and claim.kind != "definition" and claim.relation == "=":
            typed = elaborate(place.checker.context, claim)
            assert typed is not None
            gap, size = sample.difference(typed)
            if not abs(gap) < TOLERANCE * size:
                return False
    return True


def same_meaning(place: Place, one: Equation, other: Equation) -> bool:
    """Whether the sides of two texts have the same values."""
    if len(one.claims) != len(other.claims):
        return False
    sample = Sample(place.checker, place.line.number)
    for a, b in zip(one.claims, other.claims, strict=True):
        if a.lhs is None or b.lhs is None:
            continue
        x, y = elaborate(place.checker.context, a), elaborate(place.checker.context, b)
        if x is None or y is None:
            return False
        for p, q in ((x.lhs, y.lhs), (x.rhs, y.rhs)):
            if p.shape != q.shape:
                return False
            gap, size = sample.difference(Typed(p, q, {**x.letters, **y.letters}))
            if not abs(gap) < TOLERANCE * size:
                return False
    return True


_EMPTY = re.compile(r"\(\s*\)|\{\s*\}(?!_)")  # nobody's slip: what stood in a bracket is gone


def measure(path: Path, number: int, repairs: int, seed: int) -> Counter[str]:
    """Draw, judge, mend, count: one document."""
    draw = random.Random(seed)
    found = list(places(path))
    counts: Counter[str] = Counter()
    for place in found:
        _rewrite(place, counts)
    pool = [(place, slip, text) for place in found for slip, text in mutants(place.line.formula.latex)]
    caught = []
    for place, slip, text in draw.sample(pool, min(number, len(pool))):
        equation = place.equation(text)
        if equation is None:
            counts["unreadable"] += 1
            continue
        verdict = place.checker.narrow(equation).verdict
        counts["mutants"] += 1
        counts[verdict.value] += 1
        if verdict is Kind.PROVED:
            counts["proved, true by floats" if true_in_floats(place, equation) else "FALSE PROOFS"] += 1
        elif verdict in (Kind.REFUTED, Kind.ILL_FORMED) and not _EMPTY.search(text):
            caught.append((place, slip, text))
    for place, slip, text in caught[:repairs]:
        _mend(place, slip, text, counts)
    return counts


def _rewrite(place: Place, counts: Counter[str]) -> None:
    assert place.line.tree is not None
    for what, tree in rewritings(place.line.tree):
        text = latex(tree)
        if text == latex(place.line.tree):
            continue
        equation = place.equation(text)
        counts["rewritten"] += 1
        verdict = Kind.ILL_FORMED if equation is None else place.checker.narrow(equation).verdict
        if verdict is not Kind.PROVED:
            counts["false alarms" if verdict in (Kind.REFUTED, Kind.ILL_FORMED) else "abstained"] += 1
            print(f"  {place.line.number} {what}: {verdict}: {text}")


def _mend(place: Place, slip: str, text: str, counts: Counter[str]) -> None:
    tree = parse(text, None, place.checker.lines.words)
    lines = Lines(place.checker.context, place.checker.lines.words, list(place.checker.lines.lines))
    formula = replace(place.line.formula, latex=text, offsets=tuple(range(len(text) + 1)))
    lines.lines[place.k] = Line(place.line.number, formula, tree, None)
    found = _repairs(place.checker, lines, place.k, place.flow, place.words, 1)
    counts["tried to mend"] += 1
    original = place.equation(place.line.formula.latex)
    first = place.equation(found[0].latex) if found else None
    if first is not None and original is not None and same_meaning(place, original, first):
        counts["mended to the original meaning"] += 1
        counts["of them safe"] += found[0].applicability == "safe"
    else:
        counts["mended otherwise" if found else "not mended"] += 1
        print(f"  {place.line.number} {slip}: {text}\n      -> {found[0].latex if found else None}")


def main() -> None:
    """The campaign over several documents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="*", default=[str(ROOT / "derivations" / d) for d in DOCUMENTS])
    parser.add_argument("--number", type=int, default=200, help="mutants of each document")
    parser.add_argument("--repairs", type=int, default=40, help="how many of those that are caught are mended")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    totals: Counter[str] = Counter()
    for name in given.documents:
        start = time.perf_counter()
        counts = measure(Path(name), given.number, given.repairs, given.seed)
        print(f"{name}: {dict(counts)}; {time.perf_counter() - start:.0f} s", flush=True)
        totals += counts
    good = totals["mutants"] - totals["proved"] - totals["conditional"]
    print(f"killed {good + totals['proved, true by floats']} of {totals['mutants']} (or true by the second way)")
    print(f"false proofs {totals['FALSE PROOFS']}; false alarms {totals['false alarms']} of {totals['rewritten']}")
    print(f"mended to the original meaning {totals['mended to the original meaning']} of {totals['tried to mend']}")


if __name__ == "__main__":
    main()
