"""What becomes of slips: how many are caught, how many are mended, and what is held against right lines.

    python benchmarks/mutation.py [--number N] [--seed S] [--repairs R] [DOCUMENT …]

Every proved line of the documents is given one slip at a time (the table of tests/test_mutants.py), drawn by seed.
*Killed*: refuted, ill-formed or undecided. A mutant that is still proved is evaluated in floating point at a random
point, a second way to its truth. *Mended*: the first repair has sides of the original's values. *False alarms*: right
lines rewritten (terms in another order, bound letters renamed, sums written out, products expanded, factors taken out,
nodes replaced by what they are defined as) that are not proved any more.
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
from symrnn.latex.notation import EQUALITIES  # noqa: E402
from symrnn.latex.parser import parse  # noqa: E402
from symrnn.latex.printer import latex  # noqa: E402
from symrnn.manifest import Manifest, load  # noqa: E402
from symrnn.read.document import read_path  # noqa: E402
from symrnn.repair.mend import repairs_of, searched  # noqa: E402
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
    flow = Flow()
    for k, line in enumerate(checker.lines.lines):
        equation, after = checker.lines.equation(k, line, flow)
        if checker.narrow(equation).verdict is Kind.PROVED:
            yield Place(checker, k, flow, line)
        flow = after


# -- right lines rewritten ------------------------------------------------------------------------


def rewritings(place: Place, tree: t.Statements) -> Iterator[tuple[str, t.Tree]]:
    """The same line in other words."""
    yield "terms in another order", _everywhere(tree, _reversed)
    yield "bound letters renamed", _everywhere(tree, _renamed)
    yield "sums written out", _everywhere(tree, _written_out)
    yield "products expanded", _everywhere(tree, _expanded)
    yield "factors taken out", _everywhere(tree, _factored)
    yield from ((f"{what} written out", new) for what, new in definitions(place, tree))


def _everywhere(tree: Any, change: Any) -> Any:
    if isinstance(tree, tuple):
        return tuple(_everywhere(x, change) for x in tree)
    if not isinstance(tree, t.Tree) or isinstance(tree, (t.Script, t.Brace)) or _dotted(tree):
        return tree
    inner = replace(
        tree, **{f.name: _everywhere(getattr(tree, f.name), change) for f in fields(tree) if f.name != "span"}
    )
    return change(inner)


def _dotted(tree: t.Tree) -> bool:
    """``exp(c_j + ·)``, a shorthand of a manifest, which stands for what it means as it is written."""
    return isinstance(tree, t.Call) and any(isinstance(x, t.Name) and x.text == "\\cdot" for x in tree.walk())


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
    """Inner sums are renamed before outer ones: each takes a letter that does not stand in it."""
    letter = _bound(tree)
    used = {x.text for x in tree.walk() if isinstance(x, t.Name)}
    fresh = next(x for x in ("\\rho", "\\mu", "\\nu", "\\kappa") if x not in used)
    return tree if letter is None or letter == "t" else _substituted(tree, letter, t.Name(fresh))


def _written_out(tree: t.Tree) -> t.Tree:
    letter = _bound(tree)
    match tree:
        case t.Big("\\sum", t.Chain((_, ("=", t.Num(low)))), t.Num(high), body) if letter is not None and letter != "t":
            terms = [_substituted(body, letter, t.Num(str(k))) for k in range(int(low), int(high) + 1)]
            return t.Fence("(", t.Additive(tuple(("+" if k else "", x) for k, x in enumerate(terms))), ")")
    return tree


def _plain(tree: t.Tree) -> bool:
    """Whether a product is one of numbers side by side, in which terms may be multiplied out."""
    return isinstance(tree, t.Product) and all(not op for op, _ in tree.factors)


def _expanded(tree: t.Tree) -> t.Tree:
    """``a (b + c)`` as ``a b + a c``."""
    if isinstance(tree, t.Product) and _plain(tree):
        for k, (_, factor) in enumerate(tree.factors):
            if isinstance(factor, t.Fence) and factor.open == "(" and isinstance(factor.body, t.Additive):
                before, after = tree.factors[:k], tree.factors[k + 1 :]
                terms = [
                    (sign if i else sign.replace("+", ""), _product((*before, ("", _bracketed(term)), *after)))
                    for i, (sign, term) in enumerate(factor.body.terms)
                ]
                return t.Fence("(", t.Additive(tuple(terms)), ")")
    return tree


def _product(factors: tuple[tuple[str, t.Tree], ...]) -> t.Tree:
    """Without its ones."""
    kept = tuple(f for f in factors if f[1] != t.Num("1"))
    return kept[0][1] if len(kept) == 1 else t.Product(kept)


def _bracketed(tree: t.Tree) -> t.Tree:
    return t.Fence("(", tree, ")") if isinstance(tree, (t.Additive, t.Big)) else tree


def _factored(tree: t.Tree) -> t.Tree:
    """``a b + a c`` as ``a (b + c)``: the first factor of neighbouring terms."""
    if not isinstance(tree, t.Additive) or len(tree.terms) < 2:
        return tree
    firsts = [term.factors[0][1] if _plain(term) else None for _, term in tree.terms]
    if firsts[0] is None or any(f != firsts[0] for f in firsts):
        return tree
    rests = [(sign, t.Product(term.factors[1:])) for sign, term in tree.terms if isinstance(term, t.Product)]
    return t.Product((("", firsts[0]), ("", t.Fence("(", t.Additive(tuple(rests)), ")"))))


def definitions(place: Place, tree: t.Statements) -> Iterator[tuple[str, t.Tree]]:
    """Components of nodes replaced by what a line of the document defines them as, ŷ_1 by its fraction, say."""
    for equation in place.checker.paper.equations:
        for claim in equation.claims:
            if claim.kind == "definition" and isinstance(claim.lhs, t.Script) and claim.lhs in _values(tree):
                yield latex(claim.lhs), _inserted(tree, claim.lhs, t.Fence("(", claim.rhs, ")"))


def _values(tree: Any) -> list[t.Tree]:
    """What stands where a value may be put, and is not derived or derived by."""
    if isinstance(tree, tuple):
        return [x for part in tree for x in _values(part)]
    if not isinstance(tree, t.Tree) or isinstance(tree, t.Brace) or t.Name("\\partial") in tree.walk():
        return []
    if t.Name("\\nabla") in tree.walk() and not isinstance(tree, (t.Statements, t.Chain)):
        return []
    return [tree, *(x for child in tree.children() for x in _values(child))]


def _inserted(tree: t.Statements, old: t.Tree, new: t.Tree) -> t.Tree:
    """The right sides of a line with a quantity replaced."""

    def change(part: t.Tree) -> t.Tree:
        return new if part == old else part if part not in values else t.rebuilt(part, change)

    values = _values(tree)
    chains = []
    for item in tree.items:
        if isinstance(item, t.Chain):
            first, *rest = item.links
            item = replace(
                item,
                links=(first if not first[0] else (first[0], change(first[1])), *((r, change(x)) for r, x in rest)),
            )
        chains.append(item)
    return replace(tree, items=tuple(chains))


# -- the campaign ---------------------------------------------------------------------------------


def true_in_floats(place: Place, equation: Equation) -> bool:
    """Whether all claims hold at a random point, to rounding."""
    sample = Sample(place.checker, place.line.number)
    for claim in equation.claims:
        if claim.lhs is not None and claim.kind != "definition" and claim.relation == "=":
            typed = elaborate(place.checker.context, claim)
            assert typed is not None
            gap, size = sample.difference(typed, where=claim.where)
            if not abs(gap) < TOLERANCE * size:
                return False
    return True


def same_meaning(place: Place, one: Equation, other: Equation) -> bool:
    """Whether the sides of two texts have the same values."""
    if len(one.claims) != len(other.claims):
        return False
    sample = Sample(place.checker, place.line.number)
    for a, b in zip(one.claims, other.claims, strict=True):
        if a.lhs is None or b.lhs is None or a.relation not in EQUALITIES:
            continue
        x, y = elaborate(place.checker.context, a), elaborate(place.checker.context, b)
        if x is None or y is None:
            return False
        for p, q in ((x.lhs, y.lhs), (x.rhs, y.rhs)):
            if p.shape != q.shape:
                return False
            both = Typed(p, q, {**x.letters, **y.letters}, values={**x.values, **y.values})
            gap, size = sample.difference(both, where=a.where)
            if not abs(gap) < TOLERANCE * size:
                return False
    return True


_EMPTY = re.compile(r"\((?:\s|\\right)*\)|\{\s*\}(?!_)")  # nobody's slip: what stood in a bracket is gone


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
    for what, tree in rewritings(place, place.line.tree):
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
    lines.lines[place.k] = Line(place.line.number, formula, None, None)
    words = vocabulary(place.checker.context, place.checker.document.source, lines.lines)  # nothing of the line itself
    lines.lines[place.k] = Line(place.line.number, formula, tree, None)
    found = list(repairs_of(place.checker, lines, place.k, searched(place.checker, lines, place.k, place.flow, words)))
    counts["tried to mend"] += 1
    original = place.equation(place.line.formula.latex)
    first = place.equation(found[0].latex) if found else None
    if first is not None and original is not None and same_meaning(place, original, first):
        counts["mended to the original meaning"] += 1
        counts["of them alone"] += len(found) == 1
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
    print(
        f"killed {good + totals['proved, true by floats']} of {totals['mutants']} (or true by the second way)", end=""
    )
    print(
        f"; {totals['conditional']} more true only under a reading that names the slip" if totals["conditional"] else ""
    )
    print(f"false proofs {totals['FALSE PROOFS']}; false alarms {totals['false alarms']} of {totals['rewritten']}")
    print(f"mended to the original meaning {totals['mended to the original meaning']} of {totals['tried to mend']}")


if __name__ == "__main__":
    main()
