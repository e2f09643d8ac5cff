"""Claims: what the lines of a document assert, before anyone has judged them."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

from symrnn.diagnostic import Diagnostic
from symrnn.expr import Cases, Dim, Expr, Index, Reduce, Ref, Symbol
from symrnn.latex.tree import Tree
from symrnn.span import Span


@dataclass(frozen=True)
class Claim:
    """One assertion: ``lhs = rhs`` (a relation of the model, a label, a definition).

    ``previous``: the member printed just before ``rhs`` in the chain, when that is not ``lhs``: the line
    also says that ``rhs`` follows from it. ``supplied``: the left side comes from the manifest. ``section``: that
    of the manifest in which it stands.
    """

    id: str
    kind: str  # relation | label | definition | unknown
    lhs: Tree | None
    rhs: Tree
    span: Span
    previous: Tree | None = None
    relation: str = "="
    supplied: bool = False
    section: int = 0
    einstein: bool = False  # indices that stand twice in a product are summed over
    where: tuple[tuple[Index, str, Index], ...] = ()  # holds only at letters that meet these conditions
    conditional: bool = False  # stands under a condition of the text that is not understood
    beside: tuple[Tree, ...] = ()  # what equalities after a «where» on this line may define


@dataclass(frozen=True)
class Equation:
    """One numbered line (or one display without a number) and its claims, in printed order."""

    number: str
    latex: str
    span: Span
    claims: tuple[Claim, ...] = ()
    problem: Diagnostic | None = None  # why it could not be read at all


@dataclass(frozen=True)
class Typed:
    """Both sides of a claim, elaborated under one reading."""

    lhs: Expr
    rhs: Expr
    letters: dict[str, Dim | None]  # free letters: the length of their axis, None for a step
    conditions: tuple[str, ...] = ()
    shorthands: tuple[str, ...] = ()
    values: dict[str, tuple[int, ...]] = field(default_factory=dict)  # of whole numbers whose values are listed

    def local(self, nodes: Container[Symbol], last: str) -> bool:
        """Whether nothing on either side reaches to the last step ``last``; ``nodes``: what definitions compute."""
        for e in (*self.lhs.walk(), *self.rhs.walk()):
            if isinstance(e, Cases) or (isinstance(e, Ref) and not e.symbol.timed and e.symbol in nodes):
                return False
            if any(isinstance(v, Index) and v.letter == last for v in vars(e).values()):
                return False
        return True


@dataclass(frozen=True)
class Definition:
    """``symbol[row, col] at time := rhs``; an index that is a letter runs over its whole axis."""

    symbol: Symbol
    time: Index | None
    row: Index | None
    col: Index | None
    rhs: Expr
    number: str = ""

    def shifts(self, last: str) -> bool:
        """Whether the definition reads the same at every step of every sequence: the letter of its step
        stands only as a step of quantities, all quantities with a step stand at such steps, and the last
        step ``last`` does not occur. Such a definition is evaluated once.
        """
        if self.time is None or self.time.letter is None:
            return False
        step = self.time.letter
        for e in self.rhs.walk():
            if (isinstance(e, Reduce) and e.timed) or isinstance(e, Cases):
                return False
            for name, value in vars(e).items():
                for index in value if isinstance(value, tuple) else (value,):
                    if isinstance(index, Index):
                        as_step = isinstance(e, Ref) and name == "time"
                        if index.letter == last or as_step != (index.letter == step):
                            return False
        return True


Key = tuple[str, Tree]


def key(claim: Claim) -> Key:
    """What tells the claims of a document apart, however often they are read."""
    return claim.id, claim.rhs


@dataclass
class Paper:
    """The claims of a document with what its definitions say.

    ``failed``: the claims that should define and do not, with the reason. ``again``: those that define what
    a line before them, of the number given, defines already.
    """

    equations: list[Equation] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    sources: dict[int, Claim] = field(default_factory=dict)  # by the id of the definition
    failed: dict[Key, Diagnostic] = field(default_factory=dict)
    again: dict[Key, str] = field(default_factory=dict)
