"""The document's definitions as exact SymPy expressions, to look at and to compute with.

``unroll(steps=3).o[2][1]`` is the printed definition of component 1 of o at step 2. Nodes that it uses
stay symbols, so that a long sequence costs what its definitions cost; ``substitute`` opens them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symrnn.algebra.terms import Term
from symrnn.evaluate import Leaf
from symrnn.expr import Symbol
from symrnn.partials import to_sympy

if TYPE_CHECKING:
    from symrnn.checker import Checker
    from symrnn.derive.gradients import Gradients
    from symrnn.network import Network


class SympyModel:
    """The definitions of a document. ``unroll`` gives them at every step of a sequence."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    @property
    def names(self) -> tuple[str, ...]:
        """The quantities that the document defines."""
        return tuple(dict.fromkeys(attribute(s) for s in self._checker.model.definitions))

    def gradients(self, loss: str | None = None, product: str | None = None) -> Gradients:
        """The gradients of the loss: ``gradients()["W"].latex(form="matrix")``.

        Raises UsageError where the definitions cannot be differentiated.
        """
        from symrnn.derive.gradients import Gradients

        return Gradients(self._checker, loss, product)

    def unroll(self, steps: int = 1, assumptions: tuple[str, ...] = ()) -> Unrolled:
        """Every defined scalar at steps 1 … ``steps``, under the named assumptions of the manifest.

        Raises ValueError for a length below one or an assumption that the manifest does not state.
        """
        if steps < 1:
            raise ValueError("a sequence has at least one step")
        unknown = [a for a in assumptions if a not in self._checker.assumptions]
        if unknown:
            raise ValueError(f"the manifest states no assumption '{unknown[0]}'")
        return Unrolled(self._checker.network(steps, assumptions))


class Unrolled:
    """A model over a number of steps: one attribute a quantity, indexed by step, then by component."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._made: dict[int, Any] = {}
        self._names: dict[Any, Term] = {}
        self._symbols: dict[str, list[Symbol]] = {}
        for symbol in network.model.definitions:
            self._symbols.setdefault(attribute(symbol), []).append(symbol)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._symbols]

    def __getattr__(self, name: str) -> Quantity:
        symbols = self.__dict__.get("_symbols", {}).get(name)
        if not symbols:
            raise AttributeError(f"the document defines no '{name}'; it defines {', '.join(self._symbols)}")
        return Quantity(self, symbols)

    def scalar(self, leaf: Leaf) -> Any:
        """The SymPy expression of one scalar's definition. Raises IndexError for a step outside the sequence."""
        from symrnn.evaluate import Inadmissible

        try:
            term = self._network.leaf(leaf)
        except Inadmissible:
            raise IndexError(f"{leaf} lies outside the sequence") from None
        return to_sympy(term.args[1] if term.op == "let" else term, self._made, self._names)

    def substitute(self, expression: Any, levels: int = 1) -> Any:
        """The expression with its nodes replaced by their definitions, ``levels`` times over."""
        for _ in range(levels):
            table = {}
            for s in expression.free_symbols:
                term = self._names.get(s)
                if term is not None and term.op == "let":
                    table[s] = to_sympy(term.args[1], self._made, self._names)
            if not table:
                break
            expression = expression.xreplace(table)
        return expression


class Quantity:
    """A defined quantity: ``q[t]`` at a step, ``q[t][i]`` or ``q[t][i, j]`` a component, counted from 1."""

    def __init__(self, unrolled: Unrolled, symbols: list[Symbol], time: int | None = None) -> None:
        self._unrolled = unrolled
        self._symbols = symbols
        self._time = time

    def _pick(self, timed: bool) -> Symbol:
        return next((s for s in self._symbols if bool(s.timed) == timed), self._symbols[0])

    def __getitem__(self, key: int | tuple[int, int]) -> Any:
        if self._time is None and any(s.timed for s in self._symbols) and isinstance(key, int):
            found = Quantity(self._unrolled, self._symbols, key)
            symbol = self._pick(True)
            return found.expression if all(d == 1 for d in symbol.shape) else found
        symbol = self._pick(self._time is not None)
        row, col = key if isinstance(key, tuple) else (1, key) if symbol.shape[0] == 1 else (key, 1)
        rows, cols = (self._unrolled._network.model.size(d) for d in symbol.shape)
        if not (1 <= row <= rows and 1 <= col <= cols):
            raise IndexError(f"{attribute(symbol)} is {rows}×{cols}; components are counted from 1")
        return self._unrolled.scalar(Leaf(symbol, row, col, self._time))

    @property
    def expression(self) -> Any:
        """The SymPy expression of a scalar quantity."""
        symbol = self._pick(self._time is not None)
        return self._unrolled.scalar(Leaf(symbol, 1, 1, self._time))

    @property
    def matrix(self) -> Any:
        """The SymPy matrix of all components."""
        import sympy

        symbol = self._pick(self._time is not None)
        rows, cols = (self._unrolled._network.model.size(d) for d in symbol.shape)
        return sympy.Matrix(
            rows, cols, lambda i, j: self._unrolled.scalar(Leaf(symbol, int(i) + 1, int(j) + 1, self._time))
        )


def attribute(symbol: Symbol) -> str:
    """The Python name of a quantity: ``hat y`` is ``hat_y``."""
    plain = symbol.name.removesuffix("(t)")
    return "".join(c if c.isalnum() else "_" for c in plain)
