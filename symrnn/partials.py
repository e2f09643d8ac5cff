"""Derivatives by SymPy: a term becomes a SymPy expression, is differentiated there, and comes back.

This is the only place where a derivative is taken. The chain rule over the graph is in ``network``.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

from symrnn.algebra import terms as T
from symrnn.algebra.terms import Term


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


class Partials:
    """The derivatives ∂term/∂v by the symbols and vertices v that the term mentions directly."""

    def __init__(self, term: Term) -> None:
        self._names: dict[Any, Term] = {}
        self._expression = to_sympy(term, {}, self._names)
        self._symbols = {variable.id: name for name, variable in self._names.items()}
        self._back: dict[Any, Term] = {}
        self._found: dict[int, Term] = {}
        self.variables = tuple(self._names.values())

    def by(self, variable: Term) -> Term:
        """∂term/∂variable, taken by SymPy on first use."""
        found = self._found.get(variable.id)
        if found is None:
            slope = self._expression.diff(self._symbols[variable.id])
            found = self._found[variable.id] = from_sympy(slope, self._names, self._back)
        return found
