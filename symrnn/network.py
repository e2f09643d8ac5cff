"""The network that a document's definitions describe, unrolled over τ steps, with its derivatives.

Every scalar is one vertex of the shared term graph, built once from its printed definition. A derivative
of a node is a vertex too (an *adjoint*), defined by one application of the chain rule,
``∂A/∂v = Σ_u ∂A/∂u · ∂u/∂v`` over the direct users u of v; the local ∂u/∂v are SymPy's derivatives of the
printed definition. So the graph grows linearly with τ, and nothing is ever substituted into anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from symrnn.algebra import terms as T
from symrnn.algebra.terms import Term
from symrnn.claims import Definition
from symrnn.evaluate import Evaluator, Inadmissible, Leaf, Unsupported
from symrnn.expr import Dim, Reduce, Ref, Symbol
from symrnn.partials import NoTerm, Partials

_HERE = 1_000_000  # the step at which definitions are kept, relative to which their steps are counted


class Adjoint(NamedTuple):
    """The name of the vertex ∂of/∂wrt; ``copy``: by a parameter as used at that step only."""

    of: Leaf
    wrt: Leaf
    copy: int | None

    def __str__(self) -> str:
        at = f"@{self.copy}" if self.copy is not None else ""
        return f"d({self.of})/d({self.wrt}{at})"


@dataclass(frozen=True)
class Template:
    """One scalar's definition at a generic step: symbols stand for leaves at steps counted from here."""

    term: Term
    slopes: dict[Leaf, Term]  # leaf (with relative step) → ∂term/∂leaf


class Model:
    """The definitions of a document at given sizes: templates shared by networks of every length."""

    def __init__(self, definitions: Iterable[Definition], sizes: Mapping[str, int], first: int, last: str) -> None:
        self.sizes = sizes
        self.first = first
        self.last = last
        self.definitions: dict[Symbol, list[Definition]] = {}
        for d in definitions:
            self.definitions.setdefault(d.symbol, []).append(d)
        self.templates: dict[Leaf, Template | None] = {}
        self._shifting: dict[int, bool] = {}
        self.lags = self._lags()
        once = (e for some in self.definitions.values() for d in some if d.time is None for e in d.rhs.walk())
        sums = (e for e in once if isinstance(e, Reduce) and e.timed)
        self.summed = {r.symbol for e in sums for r in e.walk() if isinstance(r, Ref) and not r.symbol.timed}
        self.forward = all(self._looks_back(d) for some in self.definitions.values() for d in some)

    def shifting(self, d: Definition) -> bool:
        """Whether a definition is kept once for all steps."""
        found = self._shifting.get(id(d))
        if found is None:
            found = self._shifting[id(d)] = d.shifts(self.last)
        return found

    def _lags(self) -> dict[Symbol, int]:
        """How many steps back of the first step each symbol is used: those before are given, not computed."""
        lags: dict[Symbol, int] = {}
        for definitions in self.definitions.values():
            for d in definitions:
                if d.time is None or d.time.letter is None:
                    continue
                for e in d.rhs.walk():
                    if isinstance(e, Ref) and e.time is not None and e.time.letter == d.time.letter:
                        lags[e.symbol] = max(lags.get(e.symbol, 0), d.time.offset - e.time.offset)
        return lags

    def _looks_back(self, d: Definition) -> bool:
        """Whether no path through a definition leads to an earlier step: it uses steps up to its own alone."""
        if d.time is None:
            return True
        return not any(
            isinstance(e, Ref)
            and (
                e.symbol in self.definitions
                if e.time is None
                else e.time.letter != d.time.letter or e.time.letter is None or e.time.offset > d.time.offset
            )
            for e in d.rhs.walk()
        )

    def size(self, dim: Dim) -> int:
        """The number of a size."""
        if isinstance(dim, int):
            return dim
        if dim not in self.sizes:
            raise Unsupported(f"the size {dim} has no value: name it under [sizes] in the manifest")
        return self.sizes[dim]

    def find(self, leaf: Leaf) -> Definition | None:
        """The definition that computes a scalar: one for its very step first, then the generic one."""
        generic = None
        for d in self.definitions.get(leaf.symbol, ()):
            if any(
                i is not None and i.letter is None and i.offset != k for i, k in ((d.row, leaf.row), (d.col, leaf.col))
            ):
                continue
            if d.time is None or d.time.letter is not None:
                generic = d
            elif leaf.time == d.time.offset:
                return d
        if generic is not None and leaf.time is not None and leaf.time < self.first:
            return None
        return generic


class _Generic:
    """The world in which a definition is evaluated once: leaves are symbols at relative steps."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes

    def leaf(self, leaf: Leaf) -> Term:
        if leaf.time is not None and abs(leaf.time - _HERE) < _HERE // 2:
            leaf = leaf._replace(time=leaf.time - _HERE)
        elif leaf.time is not None:
            raise Unsupported("a definition that mixes generic and fixed steps")
        return T.symbol(leaf)

    def admit(self, step: int) -> None:
        """Every step is looked at as if it were in the sequence."""

    def derivative(self, of: Term, wrt: Leaf | str, copy: int | None) -> Term:
        raise Unsupported("a definition by a derivative")

    def direct(self, of: Term, wrt: Leaf | str) -> Term:
        raise Unsupported("a definition by a derivative")


class Network:
    """A model unrolled over ``steps`` steps. ``given``: definitions that replace inputs (assumptions).

    ``chosen``: the values of the whole numbers that definitions depend on.
    """

    def __init__(
        self, model: Model, steps: int, given: Iterable[Definition] = (), chosen: Mapping[str, int] | None = None
    ) -> None:
        self.model = model
        self.steps = steps
        self.sizes = model.sizes
        self.given = {d.symbol: d for d in given}
        self.chosen = dict(chosen or {})
        self.values = {model.last: steps, **self.chosen}
        self.nodes: dict[Leaf, Term] = {}
        self.pending: set[Leaf] = set()  # scalars whose definitions are being opened
        self.users: dict[Leaf, list[tuple[Leaf, Term]]] | None = None
        self.adjoints: dict[Adjoint, Term] = {}
        self.seconds: dict[tuple[int, Leaf], Term] = {}
        self.placed: dict[int, dict[int, Term]] = {}  # by step: what became of the parts of templates there
        self.above: dict[tuple[Leaf, int | None], frozenset[Leaf]] = {}
        self.slopes: dict[int, Partials] = {}
        self.templates: dict[Leaf, Template | None] = {}  # of definitions without a generic step

    # -- values -------------------------------------------------------------------------------

    def leaf(self, leaf: Leaf) -> Term:
        """The vertex of a scalar. Raises Inadmissible for a step outside the sequence."""
        found = self.nodes.get(leaf)
        if found is None:
            if leaf.time is not None:
                self._admit(leaf)
                start = self.model.first
                if not self.pending and self.model.find(leaf) is not None:
                    for s in range(start, leaf.time):  # from the first step on, so that no recursion is deep
                        with suppress(Inadmissible):
                            self.leaf(leaf._replace(time=s))
            if leaf in self.pending:
                raise Unsupported(f"the definition of {leaf} goes in a circle")
            self.pending.add(leaf)
            try:
                found = self.nodes[leaf] = self._node(leaf)
            finally:
                self.pending.discard(leaf)
        return found

    def admit(self, step: int) -> None:
        """Raises Inadmissible for a step outside the sequence."""
        if not self.model.first <= step <= self.steps:
            raise Inadmissible

    def _admit(self, leaf: Leaf) -> None:
        assert leaf.time is not None
        first = self.model.first - self.model.lags.get(leaf.symbol, 0)
        if not first <= leaf.time <= self.steps:
            raise Inadmissible

    def _node(self, leaf: Leaf) -> Term:
        given = self.given.get(leaf.symbol)
        if given is not None and _covers(given, leaf):
            return self._instance(given, leaf)
        template = self.template(leaf)
        if template is None:
            return T.symbol(leaf)
        return T.let(leaf, self._place(template.term, self._shift(leaf)))

    def _instance(self, d: Definition, leaf: Leaf) -> Term:
        """A definition's right side at one component and step, evaluated outright."""
        values = dict(self.values)
        return _component(d, leaf, Evaluator(self, values))

    def template(self, leaf: Leaf) -> Template | None:
        """The generic definition of a scalar with its partial derivatives; None for what is given."""
        d = self.model.find(leaf)
        if d is None:
            return None
        generic = self.model.shifting(d)
        key = leaf._replace(time=_HERE if generic else leaf.time)
        store = self.model.templates if generic and not self.chosen else self.templates
        if key not in store:
            store[key] = self._template(d, key, generic)
        return store[key]

    def _template(self, d: Definition, key: Leaf, generic: bool) -> Template:
        values = dict(self.values)
        world = _Generic(self.sizes) if generic else _Absolute(self.sizes)
        term = _component(d, key, Evaluator(world, values))
        slopes = _partials(term)
        return Template(term, {v.args[0]: _slope(slopes, v) for v in slopes.variables})

    def _place(self, term: Term, shift: int) -> Term:
        """A template's term with its steps counted from ``shift``."""
        return T.rebuild(term, lambda s: self.leaf(_moved(s.args[0], shift)), self.placed.setdefault(shift, {}))

    def _shift(self, leaf: Leaf) -> int:
        """The step from which the definition of a scalar counts: its own if it was kept generic."""
        d = self.model.find(leaf)
        return leaf.time if d is not None and leaf.time is not None and self.model.shifting(d) else 0

    # -- derivatives --------------------------------------------------------------------------

    def derivative(self, of: Term, wrt: Leaf | str, copy: int | None) -> Term:
        """∂of/∂wrt along all paths, everything before ``wrt`` held fixed.

        ``wrt``: a node, a given quantity, a parameter (over all steps; at one step with ``copy``), or the
        name of a variable of the formula's own.
        """
        if isinstance(wrt, Leaf) and copy is not None and wrt.symbol in self.model.summed:
            raise Unsupported(f"a derivative by {wrt} at one step: a sum over steps uses it, at each or at none")
        if isinstance(wrt, Leaf) and wrt.symbol in self.given:
            raise Unsupported(f"a derivative by {wrt}, which an assumption fixes")
        if of.op in ("sym", "let"):
            return self._of_leaf(of, wrt, copy)
        slopes = self.slopes.get(of.id)
        if slopes is None:
            slopes = self.slopes[of.id] = _partials(of)
        total = [T.rational(0)]
        for variable in slopes.variables:
            inner = self._of_leaf(variable, wrt, copy)
            if not T.is_number(inner, 0):
                total.append(T.mul(_slope(slopes, variable), inner))
        return T.add(*total)

    def direct(self, of: Term, wrt: Leaf | str) -> Term:
        """∂of/∂wrt by what ``of`` mentions itself: a node's definition, or the expression; all else is held fixed."""
        if isinstance(of.args[0], Adjoint) or (isinstance(wrt, Leaf) and wrt.symbol in self.given):
            raise Unsupported("a derivative of a derivative, or by what an assumption fixes")
        if isinstance(of.args[0], Leaf):
            template = self.template(of.args[0])
            if of.args[0].symbol in self.given or template is None:
                return T.rational(int(of.args[0] == wrt))
            shift = self._shift(of.args[0])
            found = [slope for used, slope in template.slopes.items() if _moved(used, shift) == wrt]
            return self._place(found[0], shift) if found else T.rational(int(of.args[0] == wrt))
        slopes = _partials(of)
        return T.add(T.rational(0), *(_slope(slopes, v) for v in slopes.variables if v.args[0] == wrt))

    def _of_leaf(self, variable: Term, wrt: Leaf | str, copy: int | None) -> Term:
        name = variable.args[0]
        if isinstance(wrt, str) or isinstance(name, str):
            return T.rational(int(name == wrt))
        if not isinstance(name, Leaf):
            return self._second(variable, wrt, copy)
        if variable.op == "sym":
            if copy is not None and name == wrt:
                raise Unsupported("a parameter printed in a formula that is derived by one of its copies")
            return T.rational(int(name == wrt))
        return self.adjoint(name, wrt, copy)

    def _second(self, adjoint: Term, wrt: Leaf, copy: int | None) -> Term:
        """The derivative of an adjoint: of its definition, in which nodes and later adjoints stand."""
        if copy is not None or adjoint.op != "let":
            raise Unsupported("a second derivative by what is used at one step alone")
        found = self.seconds.get((adjoint.id, wrt))
        if found is None:
            found = self.seconds[adjoint.id, wrt] = self.derivative(adjoint.args[1], wrt, None)
        return found

    def adjoint(self, of: Leaf, wrt: Leaf, copy: int | None = None) -> Term:
        """The vertex ∂of/∂wrt of the reverse chain rule."""
        if of == wrt:
            return T.rational(1)
        key = Adjoint(of, wrt, copy)
        found = self.adjoints.get(key)
        if found is None:
            last = of.time if of.time is not None else self.steps
            if wrt.time is not None:  # from the last step back, so that no recursion is deep
                for s in range(last, wrt.time, -1):
                    later = Adjoint(of, wrt._replace(time=s), copy)
                    if later not in self.adjoints and later.wrt != of:
                        self.adjoints[later] = self._adjoint(later)
            found = self.adjoints[key] = self._adjoint(key)
        return found

    def _adjoint(self, key: Adjoint) -> Term:
        above = self.ancestors(key.of, self._since(key))
        total = []
        for user, slope in self._users().get(key.wrt, ()):
            if user not in above or (key.copy is not None and user.time != key.copy):
                continue
            outer = self.adjoint(key.of, user)
            if not T.is_number(outer, 0):
                total.append(T.mul(outer, self._place(slope, self._shift(user))))
        value = T.add(*total) if total else T.rational(0)
        if value.op in ("num", "let", "sym"):
            return value
        return T.let(key, value, opaque=len(total) > 1)  # the product along one path may be opened at no cost

    def _since(self, key: Adjoint) -> int | None:
        """A step before which no path of a derivative runs: at the latest the variable's, sparing in number."""
        of, wrt = key.of.time, key.wrt.time
        if not self.model.forward or of is None or wrt is None:
            return None
        return of - (1 << max(of - wrt, 0).bit_length())

    def ancestors(self, of: Leaf, since: int | None = None) -> frozenset[Leaf]:
        """The nodes that a node is computed from, itself among them; ``since``: from this step on alone."""
        found = self.above.get((of, since))
        if found is None:
            seen = {of}
            stack = [of]
            while stack:
                leaf = stack.pop()
                template = self.template(leaf)
                if template is None:
                    continue
                shift = self._shift(leaf)
                for used in template.slopes:
                    inner = _moved(used, shift)
                    if since is not None and inner.time is not None and inner.time < since:
                        continue
                    if inner not in seen and self.model.find(inner) is not None:
                        seen.add(inner)
                        stack.append(inner)
            found = self.above[of, since] = frozenset(seen)
        return found

    def _users(self) -> dict[Leaf, list[tuple[Leaf, Term]]]:
        """For every scalar, the nodes whose definitions mention it, with their partial derivatives by it."""
        if self.users is None:
            self.users = {}
            for leaf in self._all_nodes():
                template = self.template(leaf)
                assert template is not None
                shift = self._shift(leaf)
                for used, slope in template.slopes.items():
                    self.users.setdefault(_moved(used, shift), []).append((leaf, slope))
        return self.users

    def _all_nodes(self) -> Iterable[Leaf]:
        for symbol in self.model.definitions:
            rows, cols = (self.model.size(d) for d in symbol.shape)
            times: Iterable[int | None] = range(self.model.first, self.steps + 1) if symbol.timed else (None,)
            for time in times:
                for i in range(1, rows + 1):
                    for j in range(1, cols + 1):
                        leaf = Leaf(symbol, i, j, time)
                        if self.model.find(leaf) is not None:
                            yield leaf


class _Absolute(_Generic):
    """The world of a definition that has no generic step: steps are what they are."""

    def leaf(self, leaf: Leaf) -> Term:
        return T.symbol(leaf)


def _partials(term: Term) -> Partials:
    try:
        return Partials(term)
    except NoTerm as error:
        raise Unsupported(str(error)) from None


def _slope(slopes: Partials, variable: Term) -> Term:
    try:
        return slopes.by(variable)
    except NoTerm as error:
        raise Unsupported(str(error)) from None


def _moved(leaf: Leaf, by: int) -> Leaf:
    return leaf if leaf.time is None else leaf._replace(time=leaf.time + by)


def _component(d: Definition, leaf: Leaf, evaluator: Evaluator) -> Term:
    """A definition's right side at one component and step."""
    for index, number in ((d.time, leaf.time), (d.row, leaf.row), (d.col, leaf.col)):
        if index is not None and index.letter is not None and number is not None:
            evaluator.values[index.letter] = number - index.offset
    row, col = (leaf.row if d.row is None else 1), (leaf.col if d.col is None else 1)
    return evaluator(d.rhs).rows[row - 1][col - 1]


def _covers(d: Definition, leaf: Leaf) -> bool:
    """Whether an assumption speaks of this component."""
    for index, number in ((d.row, leaf.row), (d.col, leaf.col), (d.time, leaf.time)):
        if index is not None and index.letter is None and index.offset != number:
            return False
    return True
