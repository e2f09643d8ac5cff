"""Certificates: what a short checker needs in order to repeat a proof, as plain data.

Each proved instance is a list of pairs of expressions over named vertices; ``Vertices`` gathers the
definition of every vertex that they use. Expressions are written in prefix-free infix by ``terms.show``:
rationals ``(p/q)``, ``+``, ``*``, ``^(p/q)``, named functions, and names.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symrnn.algebra.terms import Term, label, parts, postorder

RULES = (
    "exp(a + b) = exp(a)*exp(b)",
    "ln(a*b) = ln(a) + ln(b) for a, b > 0",
    "ln(exp(a)) = a",
    "tanh, sin, sinh, arctan are odd; cos, cosh are even; sigmoid(-a) = 1 - sigmoid(a)",
    "sigmoid(a) = 1/(1 + exp(-a)); tanh(a) = 1 - 2/(exp(2*a) + 1)",
)


class Vertices:
    """Names for vertices, one for each definition, and the definitions written out."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.taken: dict[str, int] = {}
        self.definitions: dict[str, str] = {}
        self.written: dict[int, str] = {}

    def write(self, term: Term) -> str:
        """A term as text; the vertices in it get names and definitions on the way."""
        for t in postorder([term], self._below):
            if t.id not in self.written:
                self.written[t.id] = self._write(t)
        return self.written[term.id]

    def _below(self, term: Term) -> Iterable[Term]:
        return () if term.id in self.written else parts(term)

    def _write(self, term: Term) -> str:
        w = self.written
        match term.op:
            case "num":
                return f"({term.args[0]})" if term.args[0] < 0 or term.args[0].denominator != 1 else str(term.args[0])
            case "sym":
                return label(term.args[0])
            case "add":
                return "(" + " + ".join(w[a.id] for a in term.args) + ")"
            case "mul":
                return "(" + "*".join(w[a.id] for a in term.args) + ")"
            case "pow":
                return f"{w[term.args[0].id]}^({term.args[1]})"
            case "fn":
                return f"{term.args[0]}({w[term.args[1].id]})"
            case _:
                name = self._name(term)
                self.definitions[name] = w[term.args[1].id]
                return name

    def _name(self, vertex: Term) -> str:
        name = label(vertex.args[0])
        count = self.taken[name] = self.taken.get(name, 0) + 1
        return name if count == 1 else f"{name}#{count}"


def certificate(vertices: Vertices, instances: Iterable[Any]) -> dict[str, Any]:
    """The certificate of a claim that was proved at these instances."""
    listed = []
    for instance in instances:
        sides = [[vertices.write(a), vertices.write(b)] for a, b in instance.pairs]
        listed.append({"steps": instance.steps, "letters": dict(instance.letters), "sides": sides})
    return {"method": "normal form over kernels", "rules": list(RULES), "instances": listed}
