"""What the elaborator knows of a document, and the readings that it may try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from symrnn.claims import Definition
from symrnn.elaborate.names import Names
from symrnn.elaborate.shorthand import Rule
from symrnn.elaborate.smooth import Function, Key
from symrnn.expr import Dim, Symbol
from symrnn.latex.tree import Tree
from symrnn.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Reading:
    """Re-readings of notation, tried in this order and named in the verdict; none is the line as printed.

    ``component``: a shorthand for a vector among scalars stands for the component in hand.
    ``copy``: a derivative by a shared parameter of a quantity at a step is by that step's copy.
    ``last``: the generic step in a formula about the last step is the last step.
    """

    component: bool = False
    copy: bool = False
    last: bool = False


AS_PRINTED = Reading()
READINGS: tuple[Reading, ...] = (
    AS_PRINTED,
    Reading(component=True),
    Reading(copy=True),
    Reading(last=True),
    Reading(component=True, copy=True),
    Reading(component=True, last=True),
    Reading(copy=True, last=True),
    Reading(True, True, True),
)

# Names of functions that stand in a formula without a declaration.
DEFAULT_FUNCTIONS: Mapping[str, str] = {"\\sigma": "sigmoid", "\\varsigma": "softmax"}


@dataclass
class Context:
    """Names, sizes and shorthands of one document; grows while its definitions are read."""

    manifest: Manifest
    names: Names
    rules: tuple[Rule, ...] = ()
    nodes: set[Symbol] = field(default_factory=set)  # the symbols that a definition computes
    flipped: bool = False  # try the layout that the manifest does not declare
    arguments: dict[Symbol, Tree] = field(default_factory=dict)  # of those defined with arguments, f(x) := …
    introduced: set[Symbol] = field(default_factory=set)  # declared where a line gives them to something: … = name ∈ …
    powers: str = ""  # the letter of the last step, where the document writes its transposes as \\top
    given: dict[str, tuple[int, ...] | str] = field(default_factory=dict)  # whole numbers that definitions depend on
    failed: dict[Symbol, str] = field(default_factory=dict)  # what no line settles, and why
    smooth: dict[Key, list[Function]] = field(default_factory=dict)  # the smooth functions of the manifest
    short: dict[Symbol, list[Definition]] = field(default_factory=dict)  # definitions by a derivative stand for it
    defined: dict[Symbol, list[Definition]] = field(default_factory=dict)
    spelled: dict[Symbol, Definition] = field(default_factory=dict)  # as printed, where an intermediate value is in it
    direct: set[Symbol] = field(default_factory=set)  # derivatives of these are by what their definitions mention
    tests: dict[Dim, Symbol] = field(default_factory=dict)  # arbitrary vectors, by their lengths
    rows: bool = False  # ∂ of a number by a column is a row
    reversed: bool = False  # try products of matrices over a letter in the other order
    all_direct: bool = False  # try derivatives by what definitions mention, whatever the manifest says
    unnamed: dict[tuple[str, str], str] = field(default_factory=dict)  # the same, of letters that nothing declares

    def within(self, section: int) -> Context:
        """The document as seen from one of its sections (0: from none)."""
        whole = self.names.outer or self.names
        names = whole.inner[section - 1] if section else whole
        return self if names is self.names else replace(self, names=names)

    def argument(self, tree: Tree) -> Tree | None:
        """The x of a quantity that is defined as ``f(x)``, a function of this one quantity."""
        found = self.names.match(tree)
        body = None if found is None or found.indices or found.sups else self.arguments.get(found.symbol)
        return body if body is not None and self.names.match(body) is not None else None

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes whose letters the declarations use; other names of sizes are for the report alone."""
        if not self.manifest.sizes:
            return {}
        letters = {d for s in self.names.everything() for d in s.shape if isinstance(d, str)}
        return {k: v for k, v in self.manifest.sizes.items() if k in letters}

    @property
    def denominator(self) -> bool:
        """Whether Jacobians are laid out transposed."""
        return (self.manifest.layout == "denominator") != self.flipped

    def function(self, key: str) -> str | None:
        """The function that a letter names, when it is not declared as a quantity."""
        declared = self.manifest.functions.get(key)
        if declared is not None:
            return declared
        if any(True for _ in self.names.family(key)):
            return None
        return DEFAULT_FUNCTIONS.get(key)

    def fixed(self, letter: str) -> bool:
        """Whether a letter has a value of its own: the last step, or a size."""
        return letter == self.manifest.steps.last or letter in self.sizes
