"""What one reading of a claim comes to, before it is reported."""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.algebra.terms import Term
from symrnn.claims import Typed
from symrnn.diagnostic import Diagnostic
from symrnn.general.decide import General, Silent
from symrnn.verdict import Kind, Witness


@dataclass(frozen=True)
class Instance:
    """Both sides of a claim at given letters and length, entry by entry."""

    steps: int
    letters: dict[str, int]
    shape: tuple[int, int]
    pairs: tuple[tuple[Term, Term], ...]


@dataclass(frozen=True)
class Judgement:
    """What one reading under one set of assumptions comes to."""

    kind: Kind
    typed: Typed | None = None
    assumptions: tuple[str, ...] = ()
    witness: Witness | None = None
    diagnostic: Diagnostic | None = None
    note: Diagnostic | None = None
    instances: tuple[Instance, ...] = ()
    general: General | Silent | None = None
