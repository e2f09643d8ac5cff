r"""Shorthands as tree rewriting: ``F(\mathbf{x}^{(t)})`` stands for what the manifest says that it means.

The letters of steps and indices in the pattern (the single letters in index position, there or in what it
means) match any index; everything else matches itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from symrnn.elaborate.names import head
from symrnn.elaborate.scope import to_index
from symrnn.latex import tree as t
from symrnn.latex.parser import parse_expression
from symrnn.manifest import Shorthand, covers


@dataclass(frozen=True)
class Rule:
    """A compiled shorthand."""

    name: str
    pattern: t.Tree
    means: t.Tree
    lines: str
    variables: frozenset[str]
    plain: bool = False  # a name: what it means stands there as if it had been written

    def stand(self, written: t.Tree, found: dict[str, t.Tree]) -> t.Tree:
        """What is written, replaced by what it means."""
        means = _substitute(self.means, found)
        return means.at(written.span) if self.plain else t.Stand(written, means, self.name, span=written.span)

    def applies(self, number: str) -> bool:
        """Whether the rule covers a line."""
        return covers(self.lines, number)


def compile_rule(entry: Shorthand, words: frozenset[str]) -> Rule:
    """Parse a manifest's shorthand. Raises Problem when a side cannot be read."""
    pattern = parse_expression(entry.write, words)
    means = parse_expression(entry.means, words)
    found = frozenset(_variables(pattern)) | (frozenset(_letters(pattern)) & frozenset(_variables(means)))
    return Rule(entry.name or entry.write, pattern, means, entry.lines, frozenset() if entry.exact else found)


def _variables(tree: t.Tree) -> Iterator[str]:
    """Letters inside scripts, on either side: a shorthand holds for every value of its indices and steps."""
    for node in tree.walk():
        if isinstance(node, t.Script):
            for part in (node.sub, node.sup):
                if part is not None:
                    yield from _letters(part)


def _letters(tree: t.Tree) -> Iterator[str]:
    for node in tree.walk():
        if isinstance(node, t.Name) and not node.style and node.text not in ("T", "\\top", ":"):
            yield node.text


def rewrite(tree: t.Tree, rules: tuple[Rule, ...]) -> t.Tree:
    """The tree with every shorthand replaced; meanings are not rewritten again."""
    if not rules:
        return tree
    for rule in rules:
        found = _match(rule.pattern, tree, rule.variables, {})
        if found is not None:
            return rule.stand(tree, found)
    if isinstance(tree, t.Script) and tree.sub is not None and (tree.sup is not None or tree.primes):
        name = t.Script(tree.base, tree.sub, span=tree.span)  # what is raised, x_1 in x_1^T
        found_name = rewrite(name, tuple(r for r in rules if isinstance(r.pattern, t.Script)))
        if isinstance(found_name, t.Stand):
            return t.Script(found_name, None, tree.sup and rewrite(tree.sup, rules), tree.primes, span=tree.span)
    if isinstance(tree, t.Script) and tree.sub is not None and _digit(tree.base):
        return tree  # a bold 1 with a size is no component of a bold 1
    if isinstance(tree, t.Product):
        run = _rewrite_run(tree, rules)
        if not isinstance(run, t.Product):
            return run
        tree = run
    if head(tree) is not None:  # a letter with scripts or accents is another name
        return _rewrite_scripts(tree, rules)
    return tree if isinstance(tree, t.Stand) else t.rebuilt(tree, lambda part: rewrite(part, rules))


def _rewrite_scripts(tree: t.Tree, rules: tuple[Rule, ...]) -> t.Tree:
    if not isinstance(tree, t.Script):
        return tree
    power = tree.sub is None and not tree.primes and not isinstance(tree.sup, t.Fence)
    base = rewrite(tree.base, rules) if power else _rewrite_scripts(tree.base, rules)
    sub, sup = (None if x is None else rewrite(x, rules) for x in (tree.sub, tree.sup))
    return tree if (base, sub, sup) == (tree.base, tree.sub, tree.sup) else replace(tree, base=base, sub=sub, sup=sup)


def _digit(tree: t.Tree) -> bool:
    return isinstance(tree, t.Name) and tree.text.isdigit()


def _rewrite_run(tree: t.Product, rules: tuple[Rule, ...]) -> t.Tree:
    """Shorthands that are runs of factors inside a longer product, as ``F(x)`` in ``a F(x) b``."""
    factors = list(tree.factors)
    for rule in rules:
        if not isinstance(rule.pattern, t.Product):
            continue
        size = len(rule.pattern.factors)
        k = 0
        while k + size <= len(factors):
            whole = last = factors[k + size - 1][1]
            if isinstance(whole, t.Script) and isinstance(whole.base, t.Fence) and not whole.primes:
                last = whole.base  # F(x)_i is the component i of F(x), F(x)^2 its square
            run = t.Product((("", factors[k][1]), *factors[k + 1 : k + size - 1], (factors[k + size - 1][0], last)))
            found = _match(rule.pattern, run, rule.variables, {})
            if found is not None:
                span = factors[k][1].span | factors[k + size - 1][1].span
                stand = rule.stand(run.at(span), found)
                if isinstance(whole, t.Script) and last is whole.base:
                    base = stand if rule.plain else t.Fence("(", stand, ")", span=span)
                    sub, sup = (x and rewrite(x, rules) for x in (whole.sub, whole.sup))
                    stand = t.Script(base, sub, sup, span=span)
                factors[k : k + size] = [(factors[k][0], stand)]
            k += 1
    if len(factors) == 1:
        return factors[0][1]
    return t.Product(tuple(factors), span=tree.span) if len(factors) != len(tree.factors) else tree


def _match(
    pattern: t.Tree, tree: t.Tree, variables: frozenset[str], found: dict[str, t.Tree]
) -> dict[str, t.Tree] | None:
    """One-sided matching; ``found`` binds variables to index trees."""
    if isinstance(pattern, t.Name) and not pattern.style and pattern.text in variables:
        if pattern.text in found:
            return found if found[pattern.text] == tree else None
        if to_index(tree) is None:
            return None
        found[pattern.text] = tree
        return found
    if isinstance(pattern, t.Additive) and to_index(pattern) is not None and to_index(tree) is not None:
        return _match_shifted(pattern, tree, variables, found)
    if type(pattern) is not type(tree):
        return None
    for name in pattern.__match_args__:
        if not _match_field(getattr(pattern, name), getattr(tree, name), variables, found):
            return None
    return found


def _match_shifted(
    pattern: t.Tree, tree: t.Tree, variables: frozenset[str], found: dict[str, t.Tree]
) -> dict[str, t.Tree] | None:
    """``t-1`` matches ``\\tau-1`` with t = τ, and ``s`` with t = s+1."""
    want, have = to_index(pattern), to_index(tree)
    assert want is not None and have is not None
    if want.letter is None or want.letter not in variables:
        return found if want == have else None
    shift = have.offset - want.offset
    base: t.Tree = t.Num(str(shift)) if have.letter is None else t.Name(have.letter)
    if have.letter is not None and shift:
        base = t.Additive((("", base), ("+" if shift > 0 else "-", t.Num(str(abs(shift))))))
    known = found.setdefault(want.letter, base)
    return found if to_index(known) == to_index(base) else None


def _match_field(pattern: object, value: object, variables: frozenset[str], found: dict[str, t.Tree]) -> bool:
    if isinstance(pattern, t.Tree) and isinstance(value, t.Tree):
        return _match(pattern, value, variables, found) is not None
    if isinstance(pattern, tuple) and isinstance(value, tuple):
        return len(pattern) == len(value) and all(
            _match_field(p, v, variables, found) for p, v in zip(pattern, value, strict=True)
        )
    return pattern == value


def _substitute(tree: t.Tree, found: dict[str, t.Tree]) -> t.Tree:
    if isinstance(tree, t.Name) and not tree.style and tree.text in found:
        return found[tree.text]
    return t.rebuilt(tree, lambda part: _substitute(part, found))
