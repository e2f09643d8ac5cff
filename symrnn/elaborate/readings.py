"""Which readings could change anything in a claim."""

from __future__ import annotations

from collections.abc import Iterator

from symrnn.claims import Claim
from symrnn.elaborate.context import READINGS, Reading
from symrnn.latex.tree import Name, Stand, Word
from symrnn.manifest import Manifest


def applicable(claim: Claim, manifest: Manifest) -> Iterator[Reading]:
    """The readings that could change anything in a claim, judged by the symbols printed in it."""
    nodes = [node for tree in (claim.lhs, claim.rhs) if tree is not None for node in tree.walk()]
    letters = {node.text for node in nodes if isinstance(node, Name)}
    shorthand = any(isinstance(node, Stand) for node in nodes)
    derives = bool(letters & {"\\partial", "\\nabla", "d"}) or any(isinstance(x, Word) and x.text == "d" for x in nodes)
    last = {manifest.steps.index, manifest.steps.last} <= letters and _about_last(claim, manifest)
    for reading in READINGS:
        if (shorthand or not reading.component) and (derives or not reading.copy) and (last or not reading.last):
            yield reading


def _about_last(claim: Claim, manifest: Manifest) -> bool:
    """Whether the left side (for a label, either side) speaks of the last step and of no generic one."""
    for tree in (claim.lhs, claim.rhs) if claim.kind == "label" else (claim.lhs,):
        names = {node.text for node in tree.walk() if isinstance(node, Name)} if tree is not None else set()
        if manifest.steps.last in names and manifest.steps.index not in names:
            return True
    return False
