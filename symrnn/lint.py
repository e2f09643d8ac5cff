"""Notation that slips without making a line false: warnings with their places, on proved lines too.

One function a rule; a rule sees one line's tree, or the lines of the whole document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from symrnn.checker import Checker
from symrnn.diagnostic import Diagnostic, Severity
from symrnn.elaborate.names import Names
from symrnn.elaborate.paper import Line
from symrnn.elaborate.scope import to_index
from symrnn.expr import Index, Symbol
from symrnn.latex import tree as t
from symrnn.latex.printer import short
from symrnn.span import Span


def lint(checker: Checker) -> list[tuple[Diagnostic, ...]]:
    """The warnings of every line, in the document's order."""
    lines = checker.lines.lines
    found: list[list[Diagnostic]] = [
        [d for rule in _LINE_RULES if line.tree is not None for d in rule(checker, line)] for line in lines
    ]
    for k, diagnostic in _unused(checker, lines):
        found[k].append(diagnostic)
    for k, diagnostic in _twins(checker, lines):
        found[k].append(diagnostic)
    return [tuple(sorted(d, key=lambda d: d.span or Span(0, 0))) for d in found]


def _warn(code: str, message: str, span: Span) -> Diagnostic:
    return Diagnostic(code, message, span, Severity.WARNING)


def _nodes(line: Line) -> Iterator[t.Tree]:
    assert line.tree is not None
    for item in line.tree.items:
        yield from item.walk()


def _steps(checker: Checker, line: Line) -> Iterator[Diagnostic]:
    """SR501: the generic step beside the last one, in a line whose left side speaks of the last alone."""
    steps = checker.manifest.steps
    assert line.tree is not None
    for item in line.tree.items:
        if not isinstance(item, t.Chain) or item.links[0][0]:
            continue
        head, *rest = [side for _, side in item.links]
        if steps.last not in _letters(head) or steps.index in _letters(head):
            continue
        bound = {x for side in rest for n in side.walk() if isinstance(n, t.Big) and n.sub for x in _letters(n.sub)}
        for side in rest:
            for node in side.walk():
                known = _timed(_names(checker, line), node)
                if known is not None and known.letter == steps.index and steps.index not in bound:
                    message = f"step ({steps.index}) in a line about the last step ({steps.last})"
                    yield _warn("SR501", message, node.span)
                    break
            else:
                continue
            break


def _letters(tree: t.Tree) -> set[str]:
    return {x.text for x in tree.walk() if isinstance(x, t.Name)}


def _names(checker: Checker, line: Line) -> Names:
    """The names as seen from a line."""
    return checker.context.within(checker.manifest.within(line.number)).names


def _timed(names: Names, node: t.Tree) -> Index | None:
    if not isinstance(node, (t.Script, t.Name)):
        return None
    known = names.match(node)
    return None if known is None else (known.time or known.copy)


def _copies(checker: Checker, line: Line) -> Iterator[Diagnostic]:
    """SR502: one parameter with a step and without, in one line."""
    plain: dict[Symbol, t.Tree] = {}
    dated: dict[Symbol, t.Tree] = {}
    below: set[int] = set()  # what derivatives are taken by: there a copy means something else
    bases: set[int] = set()
    for node in _nodes(line):
        if isinstance(node, t.Frac):
            below |= {id(x) for x in node.den.walk()}
        elif isinstance(node, t.Script) and node.base == t.Name("\\nabla") and node.sub is not None:
            below |= {id(x) for x in node.sub.walk()}
        if isinstance(node, (t.Script, t.Accent)):
            bases.add(id(node.children()[0]))
        known = _names(checker, line).match(node) if isinstance(node, (t.Script, t.Name)) else None
        if known is None or id(node) in below or id(node) in bases or known.symbol.timed:
            continue
        (plain if known.copy is None else dated).setdefault(known.symbol, node)
    for symbol, node in dated.items():
        if symbol in plain and symbol not in checker.context.nodes:
            message = f"'{short(node)}' beside '{short(plain[symbol])}': one parameter, written in two ways"
            yield _warn("SR502", message, node.span)


def _limits(checker: Checker, line: Line) -> Iterator[Diagnostic]:
    """SR503: a sum with an upper limit and no lower one."""
    for node in _nodes(line):
        if isinstance(node, t.Big) and node.sup is not None and node.sub is not None:
            if to_index(node.sub) is not None:
                message = f"the sum over {short(node.sub)} has an upper limit and no lower one"
                yield _warn("SR503", message, node.sub.span)


def _shadowed(checker: Checker, line: Line) -> Iterator[Diagnostic]:
    """SR504: a sum that binds a letter which another sum around it binds already."""
    assert line.tree is not None
    for item in line.tree.items:
        yield from _shadows(item, frozenset())


def _shadows(tree: t.Tree, bound: frozenset[str]) -> Iterator[Diagnostic]:
    if isinstance(tree, t.Big) and tree.sub is not None:
        first = tree.sub.links[0][1] if isinstance(tree.sub, t.Chain) else tree.sub
        letter = to_index(first)
        if letter is not None and letter.letter is not None:
            if letter.letter in bound:
                message = f"this sum binds {letter.letter}, which a sum around it binds already"
                yield _warn("SR504", message, tree.sub.span)
            bound = bound | {letter.letter}
    for child in tree.children():
        yield from _shadows(child, bound)


def _unused(checker: Checker, lines: list[Line]) -> Iterator[tuple[int, Diagnostic]]:
    """SR505: a quantity that is defined and never used again."""
    numbers = {line.number: k for k, line in enumerate(lines)}
    uses: dict[Symbol, int] = {}
    for line in lines:
        if line.tree is not None:
            names = _names(checker, line)
            for node in _nodes(line):
                known = names.match(node) if isinstance(node, (t.Script, t.Name, t.Accent)) else None
                if known is not None:
                    uses[known.symbol] = uses.get(known.symbol, 0) + 1
    for definition in checker.paper.definitions:
        k = numbers.get(definition.number)
        if k is not None and uses.get(definition.symbol, 0) <= 1:
            message = f"'{definition.symbol.name}' is defined here and used nowhere"
            yield k, _warn("SR505", message, lines[k].formula.span)


def _twins(checker: Checker, lines: list[Line]) -> Iterator[tuple[int, Diagnostic]]:
    """SR506: two names for one thing, where a line uses both."""
    meanings: dict[t.Tree, list[tuple[str, t.Tree]]] = {}
    for rule in checker.context.rules:
        if isinstance(rule.pattern, t.Product):
            meanings.setdefault(rule.means, []).append((rule.name, rule.pattern.factors[0][1]))
    for k, line in enumerate(lines):
        if line.tree is None:
            continue
        written: dict[t.Tree, Span] = {node: node.span for node in _nodes(line) if isinstance(node, t.Name)}
        for names in meanings.values():
            here = [(name, head) for name, head in names if head in written]
            if len(here) > 1 and len({head for _, head in here}) > 1:
                message = f"{here[0][0]} and {here[1][0]} stand for one and the same thing"
                yield k, _warn("SR506", message, written[here[1][1]])


_LINE_RULES: tuple[Callable[[Checker, Line], Iterator[Diagnostic]], ...] = (_steps, _copies, _limits, _shadowed)
