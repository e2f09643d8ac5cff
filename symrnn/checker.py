"""Claims to verdicts: readings and assumptions are tried in a fixed order, instances decided exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product as tuples
from types import MappingProxyType

from symrnn.algebra.decide import Decider, Outcome
from symrnn.blame import Blame
from symrnn.claims import Claim, Equation, Typed, key
from symrnn.diagnostic import UNDECIDED, Diagnostic, Problem, Severity
from symrnn.elaborate.claim import elaborate, elaborate_side
from symrnn.elaborate.conditions import half_known, open_beside
from symrnn.elaborate.context import AS_PRINTED, Reading
from symrnn.elaborate.definitions import defining
from symrnn.elaborate.names import spaces
from symrnn.elaborate.paper import read_paper
from symrnn.elaborate.readings import applicable
from symrnn.elaborate.scope import Scope as Letters
from symrnn.elaborate.unsettled import Unsettled
from symrnn.evaluate import Evaluator, Inadmissible, Unsupported
from symrnn.expr import MEETS, Index, Number, reach, show_shape
from symrnn.general.decide import General, GeneralDecider, Silent
from symrnn.judgement import Instance, Judgement
from symrnn.latex import notation as n
from symrnn.latex.printer import latex, short
from symrnn.latex.tree import Tree
from symrnn.manifest import Manifest, covers
from symrnn.network import Model, Network
from symrnn.opinion import ask
from symrnn.otherwise import holds_flipped, unsettled
from symrnn.read.document import Document
from symrnn.verdict import ClaimReport, EquationReport, Kind, Scope, Witness, worst

INTERNAL = "SR900"
MOST_INSTANCES = 20_000


class Checker:
    """Checks the claims of one document."""

    debug = False  # let exceptions through

    def __init__(self, document: Document, manifest: Manifest) -> None:
        self.document = document
        self.manifest = manifest
        self.context, self.paper, self.assumptions, self.lines = read_paper(document, manifest)
        steps = manifest.steps
        self.model = Model(self.paper.definitions, manifest.sizes, steps.first, steps.last)
        self.timed = any(s.timed for s in self.context.names.everything())
        self.lengths = steps.check if self.timed else (steps.first,)
        self.unsettled = Unsettled(self.context.failed, self.paper.definitions)
        self.decider = Decider()
        self.general = GeneralDecider(self.paper.definitions, manifest, self.model.lags, self.timed)
        self.seen: dict[int, ClaimReport] = {}  # the reports so far, by the tree that is their right side
        self.judged: dict[int, Judgement] = {}
        self.networks: dict[tuple[int, tuple[str, ...], tuple[int, ...]], Network] = {}
        self.missing = False  # whether an instance had no value because a sum runs over steps that do not exist
        self.wide = True  # whether the general decider is asked too
        self.stepwise = True  # whether a member is also held against the one printed before it

    def network(
        self, steps: int, assumptions: tuple[str, ...], letters: Mapping[str, int] = MappingProxyType({})
    ) -> Network:
        """The network of a length under assumptions; ``letters``: among them, those that definitions depend on."""
        chosen = {name: letters[name] for name in self.context.given if name in letters}
        key = (steps, assumptions, tuple(chosen.values()))
        if key not in self.networks:
            given = [self.assumptions[a] for a in assumptions]
            self.networks[key] = Network(self.model, steps, given, chosen)
        return self.networks[key]

    def equations(self) -> Iterator[EquationReport]:
        """The verdict of every equation, in the document's order."""
        return map(self.equation, self.paper.equations)

    def equation(self, equation: Equation) -> EquationReport:
        """The verdict of one equation. A bug of ours makes it *undecided* (SR900), unless ``debug`` is set."""
        try:
            return self._equation(equation)
        except RecursionError:
            code, message = "SR190", "this line is nested too deeply to be understood"
        except Exception as error:
            if self.debug:
                raise
            code, message = INTERNAL, f"internal error ({type(error).__name__}: {error}); please report it"
        line, column = self.document.source.line_column(equation.span.start)
        problem = Diagnostic(code, message, equation.span)
        return EquationReport(equation.number, line, column, equation.latex, Kind.UNDECIDED, (), (problem,))

    def narrow(self, equation: Equation) -> EquationReport:
        """The verdict at the sizes and lengths of the manifest alone: what a search for repairs asks."""
        self.wide = False
        try:
            return self.equation(equation)
        finally:
            self.wide = True

    def _equation(self, equation: Equation) -> EquationReport:
        line, column = self.document.source.line_column(equation.span.start)
        if equation.problem is not None:
            problem = equation.problem
            return EquationReport(equation.number, line, column, equation.latex, _unread(problem), (), (problem,))
        claims = []
        for claim in equation.claims:
            report = self.claim(claim, equation.number)
            if self.stepwise and claim.kind == "relation" and claim.previous is not None:
                report = replace(report, step=self.step(claim, report, equation.number))
            self.seen[id(claim.rhs)] = report
            claims.append(report)
        return EquationReport(
            equation.number, line, column, equation.latex, worst(c.verdict for c in claims), tuple(claims)
        )

    # -- one claim ----------------------------------------------------------------------------

    def claim(self, claim: Claim, number: str) -> ClaimReport:
        """The verdict of one claim."""
        self.judged[id(claim.rhs)] = found = self.in_general(claim, self.judge(claim, number))
        return self.report(claim, found)

    def in_general(self, claim: Claim, found: Judgement) -> Judgement:
        """What holds at some sizes and lengths, looked at for all."""
        if not self.wide or found.typed is None or not (found.instances or found.witness is not None):
            return found
        if self.context.given or found.typed.values:
            return replace(found, general=Silent("whole numbers that are looked at one by one"))
        given, refuted = tuple(self.assumptions[a] for a in found.assumptions), found.kind is Kind.REFUTED
        return replace(found, general=ask(self.general, found.typed, claim, given, refuted))

    def judge(self, claim: Claim, number: str) -> Judgement:
        """As printed first, then under the readings; of each, without assumptions first."""
        if claim.relation == "\\in":
            return self.belongs(claim)
        if claim.relation not in n.EQUALITIES:
            message = f"the relation '{claim.relation}' is not decided"
            return Judgement(Kind.UNDECIDED, diagnostic=Diagnostic("SR190", message, claim.span))
        if claim.lhs is None or claim.kind == "definition":
            before = self.paper.again.get(key(claim))
            return self.introduce(claim) if before is None else self.repeat(claim, number, before)
        first: Judgement | None = None
        for reading in applicable(claim, self.manifest):
            found = self.under(claim, number, reading)
            if found is None:
                continue
            if found.kind is Kind.PROVED:
                return found if reading == AS_PRINTED else replace(found, kind=Kind.CONDITIONAL)
            if first is None or (first.kind is Kind.ILL_FORMED and found.kind is Kind.REFUTED and reading.component):
                first = found
        assert first is not None
        if first.kind in (Kind.REFUTED, Kind.ILL_FORMED) and holds_flipped(self.context, self.under, claim, number):
            message = "it holds in the other layout of Jacobians (see layout in the manifest)"
            first = replace(first, note=Diagnostic("SR404", message, claim.span, Severity.INFO))
        if (why := unsettled(self.context, self.under, claim, number, first)) is not None:
            return Judgement(Kind.UNDECIDED, first.typed, diagnostic=why)
        unsure = (
            claim.conditional
            or half_known(self.context, claim, first.typed)
            or open_beside(self.context.within(claim.section), claim, first.typed)
        )
        if first.kind is Kind.REFUTED and unsure:
            message = "false without its condition, and that condition is not yet understood"
            return Judgement(Kind.UNDECIDED, first.typed, diagnostic=Diagnostic("SR190", message, claim.span))
        return first

    def belongs(self, claim: Claim) -> Judgement:
        """``A ∈ R^{m×n}``: a statement of shape."""
        assert claim.lhs is not None
        wanted = spaces(claim.rhs)
        if wanted is None:
            message = "the relation '\\in' is not decided"
            return Judgement(Kind.UNDECIDED, diagnostic=Diagnostic("SR190", message, claim.span))
        try:
            typed = elaborate_side(self.context.within(claim.section), claim.lhs, AS_PRINTED)
        except Problem as problem:
            return Judgement(_unread(problem.diagnostic), diagnostic=problem.diagnostic)
        assert typed is not None
        letters = Letters(self.context.sizes)
        if all(letters.same(a, b) for a, b in zip(typed.lhs.shape, wanted, strict=True)):
            return Judgement(Kind.DEFINED, typed)
        message = f"this is {show_shape(typed.lhs.shape)}, not {show_shape(wanted)}"
        return Judgement(Kind.ILL_FORMED, typed, diagnostic=Diagnostic("SR302", message, claim.span))

    def repeat(self, claim: Claim, number: str, before: str) -> Judgement:
        """A line that defines what line ``before`` defines already: a claim like any other."""
        found = self.judge(replace(claim, kind="relation"), number)
        if found.kind is Kind.PROVED:
            return found
        said = f"line ({before}) defines '{short(claim.lhs or claim.rhs)}' already"
        return replace(found, note=Diagnostic("SR210", said, claim.span))

    def introduce(self, claim: Claim) -> Judgement:
        """A definition, or an expression that the next line speaks of: it must have a meaning."""
        first = self.paper.failed.get(key(claim))
        if first is not None:
            return Judgement(_unread(first), diagnostic=first)
        for reading in applicable(claim, self.manifest):
            try:
                if claim.lhs is None:
                    typed = elaborate_side(self.context.within(claim.section), claim.rhs, reading)
                else:
                    typed = elaborate(self.context, defining(claim), reading)
            except Problem as problem:
                first = first or problem.diagnostic
                continue
            if typed is None:
                continue
            if claim.lhs is None and claim.kind == "relation":
                message = "nothing is claimed here: no relation, and the manifest supplies no left side"
                return Judgement(Kind.ILL_FORMED, typed, diagnostic=Diagnostic("SR104", message, claim.span))
            return Judgement(Kind.DEFINED if reading == AS_PRINTED else Kind.CONDITIONAL, typed)
        assert first is not None
        return Judgement(_unread(first), diagnostic=first)

    def under(self, claim: Claim, number: str, reading: Reading) -> Judgement | None:
        """The claim under one reading; None when the reading changes nothing."""
        try:
            typed = elaborate(self.context, claim, reading)
        except Problem as problem:
            if reading != AS_PRINTED:
                return None
            return Judgement(_unread(problem.diagnostic), diagnostic=problem.diagnostic)
        if typed is None:
            return None
        sets = self.assumption_sets(number)
        found: list[Judgement] = []
        for names in sets:
            found.append(self.decide(claim, typed, names))
            if found[-1].kind is Kind.PROVED:
                return found[-1]
        open_ = [j for j in found if j.kind is not Kind.REFUTED]
        every = len(sets[-1]) == max(len(self.assumption_names(number)), 1)
        return open_[0] if open_ and not (every and found[-1].kind is Kind.REFUTED) else found[-1]

    def assumption_sets(self, number: str) -> list[tuple[str, ...]]:
        """None, each of those that cover the line, all of them. What one proves holds; what all refute is false."""
        names = self.assumption_names(number)
        sets: list[tuple[str, ...]] = [(), *((name,) for name in names)]
        if len(names) > 1 and len({self.assumptions[a].symbol for a in names}) > 1:
            sets.append(tuple(names))
        return sets

    def assumption_names(self, number: str) -> list[str]:
        """The assumptions that cover a line."""
        return [a.name for a in self.manifest.assume if covers(a.lines, number)]

    def decide(self, claim: Claim, typed: Typed, assumptions: tuple[str, ...]) -> Judgement:
        """Every admissible instance: one that differs refutes, all equal prove."""
        given = [self.assumptions[a] for a in assumptions]
        if (message := self.unsettled.why(typed, given)) is not None:
            return Judgement(Kind.UNDECIDED, typed, assumptions, diagnostic=Diagnostic("SR192", message, claim.span))
        instances = []
        doubts: set[Outcome] = set()
        self.decider.renew()
        self.missing = False
        try:
            for instance in self.instances(typed, assumptions, claim.where):
                for k, (a, b) in enumerate(instance.pairs):
                    outcome = self.decider.decide(a, b)
                    if outcome is Outcome.DIFFERENT:
                        return Judgement(Kind.REFUTED, typed, assumptions, self.witness(instance, k))
                    if outcome is not Outcome.EQUAL:
                        doubts.add(outcome)
                instances.append(instance)
        except Unsupported as error:
            return Judgement(Kind.UNDECIDED, typed, assumptions, diagnostic=Diagnostic("SR190", str(error), claim.span))
        if doubts:
            message = "no exact proof that the sides are equal, and no point was found at which they certainly differ"
            if Outcome.UNKNOWN not in doubts:
                message = "no point was found at which both sides have a value"
            return Judgement(Kind.UNDECIDED, typed, assumptions, diagnostic=Diagnostic("SR191", message, claim.span))
        if not instances:
            message = "no step of the sequence gives every quantity on this line a value"
            return Judgement(Kind.ILL_FORMED, typed, assumptions, diagnostic=Diagnostic("SR307", message, claim.span))
        if self.missing:
            message = "a sum or product on this line runs over steps that do not exist"
            return Judgement(Kind.UNDECIDED, typed, assumptions, diagnostic=Diagnostic("SR190", message, claim.span))
        return Judgement(Kind.PROVED, typed, assumptions, instances=tuple(instances))

    def instances(
        self, typed: Typed, assumptions: tuple[str, ...], where: tuple[tuple[Index, str, Index], ...] = ()
    ) -> Iterator[Instance]:
        """The claim at every length and every value of its free letters that has a meaning."""
        count = 0
        for steps in self.lengths_of(typed, where):
            names = [*typed.letters, *typed.values]
            ranges = [*(self._range(dim, steps) for dim in typed.letters.values()), *typed.values.values()]
            for values in tuples(*ranges):
                count += 1
                if count > MOST_INSTANCES:
                    raise Unsupported(f"more than {MOST_INSTANCES} instances")
                letters = dict(zip(names, values, strict=True))
                network = self.network(steps, assumptions, letters)
                evaluator = Evaluator(network, {**network.values, **letters})
                known = {*evaluator.values, *network.sizes, None}
                meant = [w for w in where if {w[0].letter, w[2].letter} <= known]  # others concern other statements
                if not all(MEETS[r](evaluator.index(a), evaluator.index(b)) for a, r, b in meant):
                    continue
                try:
                    left, right = evaluator(typed.lhs), evaluator(typed.rhs)
                except Inadmissible as outside:
                    self.missing = self.missing or outside.missing
                    continue
                if isinstance(typed.rhs, Number):
                    right = evaluator.fill(right, left.shape)
                pairs = tuple(zip(left.column(), right.column(), strict=True))
                yield Instance(steps, letters, left.shape, pairs)

    def lengths_of(self, typed: Typed, where: tuple[tuple[Index, str, Index], ...]) -> tuple[int, ...]:
        """The lengths at which a claim is looked at: those of the manifest, and one more where a fixed step
        or a shift would else always be the last: at length 3 alone, step 3 is step τ.
        """
        far = max((reach(e) for side in (typed.lhs, typed.rhs) for e in side.walk()), default=0)
        longer = (far + 2,) if self.timed and far + 2 > self.lengths[-1] else ()
        if self.local(typed) and not where:
            return longer or self.lengths[-1:]
        return self.lengths + longer

    def local(self, typed: Typed) -> bool:
        """Whether a claim speaks of steps up to t alone: then the longest sequence has all its instances."""
        return typed.local(self.context.nodes, self.manifest.steps.last)

    def _range(self, dim: int | str | None, steps: int) -> range:
        if dim is None:
            return range(self.manifest.steps.first, steps + 1)
        return range(1, self.model.size(dim) + 1)

    def witness(self, instance: Instance, k: int) -> Witness:
        """The evidence of a refutation at entry ``k``."""
        difference = self.decider.difference(*instance.pairs[k])
        assert difference is not None
        at = {str(name): str(value) for name, value in difference.at.items()}
        row, col = divmod(k, instance.shape[1])
        length = self.manifest.steps.last.removeprefix("\\") if self.timed else ""
        place = (row + 1, col + 1)
        return Witness(instance.steps, instance.letters, place, at, difference.lhs, difference.rhs, length)

    # -- steps --------------------------------------------------------------------------------

    def step(self, claim: Claim, report: ClaimReport, number: str) -> str | None:
        """Whether a member follows from the one printed before it, whatever the model says of either."""
        assert claim.previous is not None
        before = self.seen.get(id(claim.previous))
        if before is not None and any(d.code == "SR209" for d in before.diagnostics):
            return None  # with a free index, the member before has no value to follow from
        good = {Kind.PROVED, Kind.DEFINED}
        if before is not None and report.verdict is Kind.PROVED and before.verdict in good:
            return "follows"
        if before is not None and {report.verdict, before.verdict} <= {
            Kind.PROVED,
            Kind.DEFINED,
            Kind.REFUTED,
        }:
            if report.verdict is not before.verdict:
                return "does-not-follow"
        if self._same_head(claim):
            return "follows"
        link = replace(claim, lhs=claim.previous, previous=None)
        return {Kind.PROVED: "follows", Kind.CONDITIONAL: "follows", Kind.REFUTED: "does-not-follow"}.get(
            self.judge(link, number).kind
        )

    def _same_head(self, claim: Claim) -> bool:
        """Both members were shown equal to one and the same head: they are equal to each other."""
        one, two = self.judged.get(id(claim.previous)), self.judged.get(id(claim.rhs))
        if one is None or two is None or one.typed is None or two.typed is None:
            return False
        shown = {Kind.PROVED, Kind.CONDITIONAL}
        return one.kind in shown and two.kind in shown and one.typed.lhs == two.typed.lhs

    # -- reports ------------------------------------------------------------------------------

    def report(self, claim: Claim, judgement: Judgement) -> ClaimReport:
        """A judgement as a report."""
        diagnostics = [judgement.diagnostic] if judgement.diagnostic else []
        if judgement.kind is Kind.REFUTED and judgement.witness is not None:
            code = "SR402" if claim.kind == "label" else "SR401"
            what = "the label is not what it labels" if claim.kind == "label" else "the two sides differ"
            part = self.blamed(claim, judgement, judgement.witness)
            where = "" if part is claim.rhs else f" in '{short(part)}'"
            message = f"{what}{where}: {judgement.witness.words()}"
            diagnostics.append(Diagnostic(code, message, claim.span if part is claim.rhs else part.span))
        if judgement.note is not None:
            diagnostics.append(judgement.note)
        conditions = judgement.typed.conditions if judgement.typed else ()
        if judgement.kind is Kind.CONDITIONAL:
            message = "true only with " + " and ".join(conditions)
            diagnostics.append(Diagnostic("SR403", message, claim.span, Severity.WARNING))
        lhs, rhs = "" if claim.lhs is None else latex(claim.lhs), latex(claim.rhs)
        return ClaimReport(
            id=claim.id,
            kind=claim.kind,
            lhs=lhs,
            rhs=rhs,
            reading=_reading(claim.lhs, claim.rhs, claim.relation),
            verdict=judgement.kind,
            span=claim.span,
            scope=self.scope(judgement) if judgement.kind in (Kind.PROVED, Kind.CONDITIONAL) else None,
            assumptions=judgement.assumptions + (judgement.typed.shorthands if judgement.typed else ()),
            conditions=conditions,
            instances=judgement.instances,
            general=judgement.general,
            typed=judgement.typed,
            where=claim.where,
            given=judgement.assumptions,
            witness=judgement.witness,
            diagnostics=tuple(diagnostics),
            supplied=claim.supplied,
        )

    def blamed(self, claim: Claim, judgement: Judgement, witness: Witness) -> Tree:
        """The part of the right side that is wrong, beside what else is said of the same quantity and is true."""
        if not self.wide or claim.lhs is None:
            return claim.rhs
        said = (c for e in self.paper.equations for c in e.claims if c.lhs == claim.lhs and c.section == claim.section)
        others = [c.rhs for c in said if c is not claim]
        network = self.network(witness.steps, judgement.assumptions, witness.letters)
        context = self.context.within(claim.section)
        return Blame(context, network, witness.letters, self.decider).among(claim.lhs, others, claim.rhs)

    def scope(self, judgement: Judgement) -> Scope | None:
        """The sizes and lengths for which the claim is proved: in general, or of the instances decided."""
        if not judgement.instances:
            return None
        if isinstance(judgement.general, General):
            return Scope(judgement.general.sizes or "all", "all")
        sizes = dict(self.manifest.sizes)
        assert judgement.typed is not None
        lengths = {i.steps for i in judgement.instances}
        found = tuple(sorted({*self.lengths, *lengths} if self.local(judgement.typed) else lengths))
        return Scope(sizes or "all", found if self.timed else "all")


def _unread(problem: Diagnostic) -> Kind:
    """The verdict of what could not be read."""
    return Kind.UNDECIDED if problem.code in UNDECIDED else Kind.ILL_FORMED


def _reading(lhs: Tree | None, rhs: Tree, relation: str) -> str:
    return latex(rhs) if lhs is None else f"{latex(lhs)} {relation} {latex(rhs)}"
