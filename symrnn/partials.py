"""Derivatives by SymPy: a term becomes a SymPy expression, is differentiated there, and comes back.

This is the only place where a derivative is taken. The chain rule over the graph is in ``network``. Terms of one shape
(``W[1,2]*h[2]`` and ``W[3,4]*h[4]``) are differentiated once.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

from symrnn.algebra import terms as T
from symrnn.algebra.terms import Term
from symrnn.algebra.unknown import slopes


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[str, Any], dict[Any, str]]:
    """Function names to SymPy's functions and back; SymPy is imported on first use."""
    import sympy

    class sigmoid(sympy.Function):  # type: ignore[misc]
        """1/(1+exp(−x)); its derivative is SymPy's, with exp(−x) = 1/σ − 1 put back."""

        def fdiff(self, argindex: int = 1) -> Any:
            x = sympy.Symbol("x")
            slope = sympy.diff(1 / (1 + sympy.exp(-x)), x)
            return sympy.cancel(slope.subs(sympy.exp(-x), 1 / self - 1))

    class softplus(sympy.Function):  # type: ignore[misc]
        """ln(1+exp(x)), whose derivative is the sigmoid."""

        def fdiff(self, argindex: int = 1) -> Any:
            return sigmoid(self.args[0])

    class step(sympy.Function):  # type: ignore[misc]
        """1 right of zero, 0 left of it."""

        def fdiff(self, argindex: int = 1) -> Any:
            return sympy.Integer(0)

    class relu(sympy.Function):  # type: ignore[misc]
        """max(x, 0), differentiated away from zero."""

        def fdiff(self, argindex: int = 1) -> Any:
            return step(self.args[0])

    forward: dict[str, Any] = {
        "exp": sympy.exp, "ln": sympy.log, "tanh": sympy.tanh, "sigmoid": sigmoid, "sin": sympy.sin, "cos": sympy.cos,
        "sinh": sympy.sinh, "cosh": sympy.cosh, "softplus": softplus, "relu": relu, "step": step, "arctan": sympy.atan,
    }  # fmt: skip
    return forward, {v: k for k, v in forward.items()}


class NoTerm(Exception):
    """SymPy answered with a function that terms do not have."""


def to_sympy(term: Term, made: dict[int, Any], names: dict[Any, Term]) -> Any:
    """The SymPy expression of a term, its symbols and vertices as symbols; ``names`` leads back."""
    import sympy

    forward, _ = _tables()
    for t in T.postorder([term], lambda x: () if x.op == "let" else T.parts(x)):
        if t.id in made:
            continue
        match t.op:
            case "num":
                value: Any = sympy.Rational(t.args[0].numerator, t.args[0].denominator)
            case "sym" | "let":
                value = sympy.Symbol(T.label(t.args[0]), real=True)
                if names.get(value, t) is not t:  # another thing of the same name
                    value = sympy.Symbol(f"{T.label(t.args[0])}#{t.id}", real=True)
                names[value] = t
            case "add":
                value = sympy.Add(*(made[a.id] for a in t.args))
            case "mul":
                value = sympy.Mul(*(made[a.id] for a in t.args))
            case "pow":
                value = sympy.Pow(made[t.args[0].id], sympy.Rational(t.args[1].numerator, t.args[1].denominator))
            case _:
                value = forward[t.args[0]](made[t.args[1].id])
        made[t.id] = value
    return made[term.id]


def from_sympy(value: Any, names: dict[Any, Term], made: dict[Any, Term]) -> Term:
    """The term of a SymPy expression made of what ``to_sympy`` uses."""
    found = made.get(value)
    if found is None:
        found = made[value] = _from(value, names, made)
    return found


def _from(value: Any, names: dict[Any, Term], made: dict[Any, Term]) -> Term:
    _, backward = _tables()
    if value in names:
        return names[value]
    if value.is_Rational:
        return T.rational(Fraction(int(value.p), int(value.q)))
    if value.is_Add:
        return T.add(*(from_sympy(a, names, made) for a in value.args))
    if value.is_Mul:
        return T.mul(*(from_sympy(a, names, made) for a in value.args))
    if value.is_Pow and value.exp.is_Rational:
        return T.power(from_sympy(value.base, names, made), Fraction(int(value.exp.p), int(value.exp.q)))
    if value.is_Pow:
        exponent = T.mul(from_sympy(value.exp, names, made), T.apply("ln", from_sympy(value.base, names, made)))
        return T.apply("exp", exponent)
    if value.func in backward:
        return T.apply(backward[value.func], from_sympy(value.args[0], names, made))
    if str(value) == "E":
        return T.apply("exp", T.rational(1))
    raise NoTerm(f"SymPy's derivative has a part that is not yet understood: {value.func.__name__}")


WIDE = 6  # sums of more terms are differentiated term by term


class _Hole(NamedTuple):
    """The name of the k-th variable of a shape."""

    number: int


class _Shape:
    """SymPy's derivatives of a term whose variables are holes: all terms of one shape share them."""

    known: ClassVar[dict[int, _Shape]] = {}

    def __init__(self, pattern: Term) -> None:
        self._names: dict[Any, Term] = {}
        self._expression = to_sympy(pattern, {}, self._names)
        self._symbols = {hole.args[0].number: name for name, hole in self._names.items()}
        self._back: dict[Any, Term] = {}
        self._found: dict[int, Term] = {}

    @classmethod
    def of(cls, pattern: Term) -> _Shape:
        """The shape of a term in holes."""
        if pattern.id not in cls.known:
            cls.known[pattern.id] = cls(pattern)
        return cls.known[pattern.id]

    def by(self, k: int) -> Term:
        """The derivative by the k-th hole, taken by SymPy on first use."""
        if k not in self._symbols:  # it cancels out of the term
            return T.rational(0)
        if k not in self._found:
            self._found[k] = from_sympy(self._expression.diff(self._symbols[k]), self._names, self._back)
        return self._found[k]


class Partials:
    """The derivatives ∂term/∂v by the symbols and vertices v that the term mentions directly.

    Sums of many terms are variables of their own, differentiated term by term; so are unknown functions, by their
    arguments; the rest is the chain rule.
    """

    def __init__(self, term: Term) -> None:
        self._term = term
        self._found: dict[int, Term] = {}
        self._inner: list[tuple[Term, Partials]] = []  # what is differentiated by itself, with what leads there
        self._holes: list[Term] = []
        if term.op == "any":
            if term.args[1] >= 0:
                raise NoTerm("a second derivative of an unknown function is not yet understood")
            self._inner = [(slope, Partials(a)) for slope, a in slopes(term)]
        elif _wide(term):
            self._inner = [(T.ONE, Partials(a)) for a in term.args]
        else:
            pattern = self._patterned(term)
            self._shape = _Shape.of(pattern)
            self._inner = [(self._slope(k), Partials(h)) for k, h in enumerate(self._holes) if _wide(h)]
        self._through: dict[int, list[tuple[Term, Partials]]] = {}
        variables = {h.id: h for h in self._holes if not _wide(h)}
        for slope, inner in self._inner:
            for v in inner.variables:
                variables[v.id] = v
                self._through.setdefault(v.id, []).append((slope, inner))
        self.variables: tuple[Term, ...] = tuple(variables.values())
        self._numbers = {h.id: k for k, h in enumerate(self._holes)}

    def _patterned(self, term: Term) -> Term:
        """The term with its variables and wide sums replaced by holes, which are noted down."""
        made: dict[int, Term] = {}
        for t in T.postorder([term], lambda x: () if x.op == "let" or _wide(x) else T.parts(x)):
            if t.op in ("sym", "let") or _wide(t):
                made[t.id] = T.symbol(_Hole(len(self._holes)))
                self._holes.append(t)
            else:
                made[t.id] = T.rebuilt(t, made)
        return made[term.id]

    def _slope(self, k: int) -> Term:
        """The derivative by the k-th hole at what stands in the holes."""
        return T.rebuild(self._shape.by(k), lambda s: self._holes[s.args[0].number])

    def by(self, variable: Term) -> Term:
        """∂term/∂variable."""
        found = self._found.get(variable.id)
        if found is None:
            parts = [T.mul(slope, inner.by(variable)) for slope, inner in self._through.get(variable.id, ())]
            if variable.id in self._numbers:
                parts.append(self._slope(self._numbers[variable.id]))
            found = self._found[variable.id] = T.add(*parts)
        return found


def _wide(term: Term) -> bool:
    return term.op == "any" or (term.op == "add" and len(term.args) > WIDE)
