"""The exact normal form: a fraction of polynomials over algebraically independent kernels.

A term becomes ``num / Π atom^k`` with ``num`` a polynomial over Q (FLINT) in generators and the atoms
irreducible polynomials. Generators are symbols, closed opaque vertices, and kernels keyed by the normal
form of their argument: two spellings of one argument are one kernel. ``exp`` of a sum is the product of
the exps of its monomials, whose exponents are independent over Q; ``ln`` of a product is the sum of the
lns of its irreducible factors where these are positive; a function with a parity takes the sign out of its argument.

Guarantee: a zero form proves that the term is zero wherever it is defined (the laws used are
identities). A form that is not zero disproves nothing by itself.
Source: the structure theorem for elementary extensions (Risch 1979) for the choice of kernels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from flint import fmpq, fmpq_mpoly

from symrnn.algebra import functions
from symrnn.algebra.field import Den, Field, Form, Full, TooLarge, fraction, primes
from symrnn.algebra.terms import Term, is_number, mul, parts, postorder

__all__ = ["Form", "Full", "TooLarge", "Tower"]

_SMALL = 300  # monomials in all: common denominators are taken without a second thought
_POSITIVE = frozenset({"exp", "sigmoid", "cosh", "softplus"})  # kernels whose values are never negative


class Tower(Field):
    """Kernels over the field, and the forms of the terms seen.

    ``fine``: take ``exp`` of sums apart and express tanh, sigmoid and their kin by exponentials, so that
    identities between them show; without it every exp of another argument is a kernel of its own, which
    is quicker and proves most lines.
    """

    def __init__(self, size: int = 64, fine: bool = False, limit: int = 20_000) -> None:
        super().__init__(size, limit)
        self.fine = fine
        self.kernels: dict[int, tuple[str, Form]] = {}  # generator → function and argument
        self.vertices: dict[int, Term] = {}  # generator → opaque vertex
        self.forms: dict[int, Form] = {}
        # arguments of exps in echelon form: pivot, vector over monomials, the combination of kernels it is
        self.exponents: list[tuple[Any, dict[Any, Fraction], dict[int, Fraction]]] = []

    # -- kernels ------------------------------------------------------------------------------

    def kernel(self, name: str, arg: Form) -> int:
        """The generator of ``name(arg)``."""
        number = self.generator((name, self.key(arg.num), arg.den))
        self.kernels.setdefault(number, (name, arg))
        return number

    def root(self, atom: int, order: int) -> int:
        """The generator of the positive root of an atom; its power ``order`` reduces to the atom. A fourth root is
        the root of a root.
        """
        prime = next(k for k in range(2, order + 1) if order % k == 0)
        if prime < order:
            atom, order = self.atom(self.gens[self.root(atom, prime)]), order // prime
            return self.root(atom, order)
        number = self.generator(("root", atom, order))
        self.roots.setdefault(number, (atom, order))
        return number

    def _nonnegative(self, atom: int) -> bool:
        """Whether an atom is certainly ≥ 0: positive coefficients on positive kernels and even powers."""
        poly = self.atoms[atom]
        return all(c > 0 for c in poly.coeffs()) and all(
            e % 2 == 0 or g in self.roots or self.kernels.get(g, ("",))[0] in _POSITIVE
            for monomial in poly.monoms()
            for g, e in enumerate(monomial)
            if e
        )

    def split(self, form: Form) -> tuple[Fraction, list[tuple[int, int]], Form | None]:
        """A positive value as content · Π atom^p · rest, where each listed atom is positive wherever the
        value is, so that roots and logarithms may be taken one by one; ``rest`` is what cannot be split.
        """
        form = self.reduced(form)
        scale, factors = self.factor(form.num)
        factors = [*factors, *((a, -p) for a, p in form.den)]
        known = [(a, p) for a, p in factors if self._nonnegative(a)]
        unknown = [(a, p) for a, p in factors if not self._nonnegative(a)]
        if scale > 0 and (not unknown or (len(unknown) == 1 and unknown[0][1] % 2)):
            return scale, [*known, *unknown], None
        sign = 1 if scale > 0 else -1
        rest = self.mul([self.constant(sign), *(self._whole_power(a, p) for a, p in unknown)])
        return abs(scale), known, self.reduced(rest)

    def fractional_power(self, form: Form, exponent: Fraction) -> Form:
        """A form to a power that is no integer: the positive root."""
        if not form.num:
            return form
        scale, factors, rest = self.split(form)
        pieces = self._number_power(scale, exponent)
        for atom, p in factors:
            pieces.append(self._atom_power(atom, p * exponent))
        if rest is not None:
            pieces.append(self._opaque_power(rest, exponent))
        return self.mul(pieces) if pieces else self.constant(1)

    def _number_power(self, value: Fraction, exponent: Fraction) -> list[Form]:
        """A positive number to a fractional power: whole powers of its primes, and roots of them."""
        pieces = []
        found = primes(value)
        if found is None:
            return [self._opaque_power(self.constant(value), exponent)]
        for prime, k in found:
            whole = (k * exponent).__floor__()
            rest = k * exponent - whole
            pieces.append(self.constant(Fraction(prime) ** whole))
            if rest:
                g = self.root(self.atom(self.context.constant(prime)), rest.denominator)
                pieces.append(Form(self.gens[g] ** rest.numerator, ()))
        return pieces

    def _opaque_power(self, form: Form, exponent: Fraction) -> Form:
        whole = exponent.__floor__()
        number = self.kernel(f"power {exponent - whole}", form)
        base = self.inverse(form) if whole < 0 else form
        return self.mul([*([base] * abs(whole)), self.gen(number)])

    def _atom_power(self, atom: int, exponent: Fraction) -> Form:
        whole = exponent.__floor__()
        rest = exponent - whole
        out = self._whole_power(atom, whole)
        if rest:
            g = self.root(atom, rest.denominator)
            out = self.mul([out, Form(self.gens[g] ** rest.numerator, ())])
        return out

    def _whole_power(self, atom: int, exponent: int) -> Form:
        if exponent >= 0:
            return Form(self.atoms[atom] ** exponent, ())
        return Form(self.context.constant(1), ((atom, -exponent),))

    def ln(self, form: Form) -> Form:
        """``ln`` of a product is the sum of the ``ln`` of its factors, as far as these are positive."""
        if not form.num:
            raise ZeroDivisionError
        scale, factors, rest = self.split(form)
        pieces = [] if scale == 1 else [self.gen(self.kernel("ln", self.constant(scale)))]
        for atom, p in factors:
            pieces.append(self.mul([self.constant(p), self._ln_atom(atom)]))
        if rest is not None:
            pieces.append(self.gen(self.kernel("ln", rest)))
        return self.add(pieces) if pieces else self.constant(0)

    def _ln_atom(self, atom: int) -> Form:
        poly = self.atoms[atom]
        if len(poly) == 1 and poly.total_degree():
            (g,) = (k for k, e in enumerate(poly.monoms()[0]) if e)
            name, arg = self.kernels.get(g, ("", None))
            if name == "exp" and arg is not None:
                return arg
            if g in self.roots:
                base, order = self.roots[g]
                return self.mul([self.constant(Fraction(1, order)), self._ln_atom(base)])
        return self.gen(self.kernel("ln", Form(poly, ())))

    def exp(self, form: Form) -> Form:
        """``exp`` of a sum is the product of the exps of its monomials."""
        form = self.reduced(form)
        if not self.fine and (len(form.num) > 1 or form.den):
            return self._coarse_exp(form)
        pieces = []
        for monomial, c in zip(form.num.monoms(), form.num.coeffs(), strict=True):
            q = fraction(c)
            mono = self.context.from_dict({tuple(monomial): fmpq(1)})
            if q.denominator == 1 and not form.den and (atom := self._ln_argument(mono)) is not None:
                pieces.append(self._whole_power(atom, q.numerator))
                continue
            pieces.append(self._exp_power(self.kernel("exp", Form(mono, form.den)), q))
        return self.mul(pieces) if pieces else self.constant(1)

    def _coarse_exp(self, form: Form) -> Form:
        """``exp`` of a whole sum: a product of exps seen before where the argument is an integer
        combination of theirs, else a new kernel.
        """
        rest = {(tuple(m), form.den): fraction(c) for m, c in zip(form.num.monoms(), form.num.coeffs(), strict=True)}
        combination: dict[int, Fraction] = {}
        for pivot, row, made_of in self.exponents:
            if scale := rest.get(pivot):
                _subtract(rest, row, scale)
                _subtract(combination, made_of, -scale)
        if not rest:
            return self.mul(self._exp_power(g, q) for g, q in combination.items() if q)
        content = _content(form.num)
        g = self.kernel("exp", Form(form.num * fmpq(content.denominator, content.numerator), form.den))
        if rest:
            _subtract(combination, {g: content}, Fraction(1))
            pivot = next(iter(rest))
            lead = rest[pivot]
            row = {k: v / lead for k, v in rest.items()}
            self.exponents.append((pivot, row, {k: -v / lead for k, v in combination.items()}))
        return self._exp_power(g, content)

    def _exp_power(self, g: int, exponent: Fraction) -> Form:
        """A rational power of an exp: exp(x/2) is the positive root of exp(x)."""
        whole = exponent.__floor__()
        rest = exponent - whole
        if not rest:
            return self.gen(g, whole)
        root = self.gens[self.root(self.atom(self.gens[g]), rest.denominator)] ** rest.numerator
        return self.mul([self.gen(g, whole), Form(root, ())])

    def _ln_argument(self, mono: fmpq_mpoly) -> int | None:
        found = [(k, int(e)) for k, e in enumerate(mono.monoms()[0]) if e]
        if len(found) == 1 and found[0][1] == 1:
            name, arg = self.kernels.get(found[0][0], ("", None))
            if name == "ln" and arg is not None and not arg.den and not arg.num.is_constant():
                poly = arg.num
                scale, factors = self.factor(poly)
                return factors[0][0] if scale == 1 and len(factors) == 1 and factors[0][1] == 1 else None
        return None

    def function(self, name: str, arg: Form) -> Form:
        """A kernel, with the sign of its argument taken out where the function has a parity."""
        arg = self.reduced(arg)
        parity = functions.TABLE[name].parity
        if not arg.num:
            zero = {"tanh": 0, "sinh": 0, "sin": 0, "arctan": 0, "cosh": 1, "cos": 1}.get(name)
            if zero is not None:
                return self.constant(zero)
        if parity and arg.num and arg.num.leading_coefficient() < 0:
            flipped = Form(-arg.num, arg.den)
            return self.mul([self.constant(parity), self.gen(self.kernel(name, flipped))])
        if name == "sigmoid" and arg.num and arg.num.leading_coefficient() < 0:
            one = self.gen(self.kernel(name, Form(-arg.num, arg.den)))
            return self.add([self.constant(1), self.mul([self.constant(-1), one])])
        return self.gen(self.kernel(name, arg))

    # -- terms --------------------------------------------------------------------------------

    def form(self, term: Term) -> Form:
        """The normal form of a term; opaque vertices are generators.

        Raises ZeroDivisionError where the term divides by zero identically, TooLarge past the bound.
        """
        if term.id not in self.forms:
            for t in postorder([term], self._below):
                if t.id not in self.forms:
                    self.forms[t.id] = self._form(t)
        return self.forms[term.id]

    def _below(self, term: Term) -> Iterable[Term]:
        if term.id in self.forms or (term.op == "let" and term.args[2]):
            return ()
        if self.fine and term.op == "fn" and (rule := functions.TABLE[term.args[0]].rewrite):
            return (rule(term.args[1]),)
        return parts(term)

    def _form(self, term: Term) -> Form:
        match term.op:
            case "num":
                return self.constant(term.args[0])
            case "sym":
                return self.gen(self.generator(("sym", term.args[0])))
            case "add":
                return self.add(self.forms[a.id] for a in term.args)
            case "mul":
                return self.mul(self.forms[a.id] for a in term.args)
            case "pow":
                return self._power(self.forms[term.args[0].id], term.args[1])
            case "fn":
                return self._function(term)
            case "any":
                return self._unknown(term)
            case _:
                if not term.args[2]:
                    return self.forms[term.args[1].id]
                number = self.generator(("let", term.id))
                self.vertices[number] = term
                return self.gen(number)

    def _unknown(self, term: Term) -> Form:
        """An unknown function, or a derivative of one: a generator for each tuple of arguments."""
        name, slot, *arguments = term.args
        forms = [self.reduced(self.forms[a.id]) for a in arguments]
        return self.gen(self.generator(("any", name, slot, *((self.key(f.num), f.den) for f in forms))))

    def _function(self, term: Term) -> Form:
        name, arg = term.args
        rule = functions.TABLE[name].rewrite if self.fine else None
        if rule is not None:
            return self.forms[rule(arg).id]
        inner = self.forms[arg.id]
        if name == "exp":
            return self.exp(inner)
        if name == "ln":
            return self.ln(inner)
        return self.function(name, inner)

    def _power(self, base: Form, exponent: Fraction) -> Form:
        if exponent.denominator != 1:
            return self.fractional_power(base, exponent)
        count = exponent.numerator
        if count < 0:
            base, count = self.inverse(base), -count
        return self.mul([base] * count)

    # -- the zero test ------------------------------------------------------------------------

    def is_zero(self, term: Term) -> bool:
        """Whether a term is zero, opening opaque vertices one by one as needed.

        The term is kept as a sum of fractions grouped by their denominators, which grows with the length
        of a sum over steps, not with the product of the steps' denominators. Groups that all vanish
        prove zero; so does their sum over the common denominator, which is taken when it is small and
        at the end. The vertex of the highest rank is opened next: it cannot occur inside the definitions
        of the others, so each is opened at most once.
        """
        if is_number(term, 0):
            return True
        groups = self._collected(map(self.form, unfolded(term)))
        while groups:
            forms = [Form(num, den) for den, num in groups.items()]
            vertex = self._highest(forms)
            small = sum(len(f.num) for f in forms) < _SMALL
            if (vertex is None or small) and self.vanishes(forms):
                return True
            if vertex is None:
                return False
            groups = self._opened(forms, vertex)
        return True

    def _collected(self, forms: Iterable[Form]) -> dict[Den, fmpq_mpoly]:
        groups: dict[Den, fmpq_mpoly] = {}
        for num, den in forms:
            total = groups[den] + num if den in groups else num
            groups[den] = total
        if sum(map(len, groups.values())) > self.limit:
            raise TooLarge
        return {den: num for den, num in groups.items() if num}

    def vanishes(self, forms: list[Form]) -> bool:
        """Whether a sum of fractions is zero.

        Only fractions whose denominators share an atom are brought to a common one. Sums of different
        families have coprime denominators, so they cancel only if each is a polynomial.
        """
        families: list[tuple[set[int], list[Form]]] = []
        for form in forms:
            atoms, members = {a for a, _ in form.den}, [form]
            for family in [f for f in families if f[0] & atoms]:
                atoms |= family[0]
                members += family[1]
                families.remove(family)
            families.append((atoms, members))
        total = self.context.constant(0)
        for _, members in families:
            joined = self.reduced(self.add(members))
            if joined.den:
                return False
            total = total + joined.num
        return not total

    def _highest(self, forms: list[Form]) -> int | None:
        present: set[int] = set()
        for form in forms:
            degrees = form.num.degrees()
            present.update(g for g in self.vertices if degrees[g])
        return max(present, key=lambda g: (self.vertices[g].rank, g), default=None)

    def _opened(self, forms: list[Form], vertex: int) -> dict[Den, fmpq_mpoly]:
        """The sum with a vertex replaced by its definition."""
        values = [self.form(s) for s in summands(self.vertices[vertex].args[1])]
        out: list[Form] = []
        for num, den in forms:
            degree = num.degrees()[vertex]
            if degree == 1:
                slope = num.derivative(vertex)
                out.append(Form(num - slope * self.gens[vertex], den))
                out.extend(self.mul([Form(slope, den), value]) for value in values)
            elif degree:
                out.extend(self._powers_opened(num, den, vertex, self.add(values)))
            else:
                out.append(Form(num, den))
        return self._collected(out)

    def _powers_opened(self, num: fmpq_mpoly, den: Den, vertex: int, value: Form) -> Iterable[Form]:
        by_power: dict[int, dict[tuple[int, ...], fmpq]] = {}
        for monomial, c in zip(num.monoms(), num.coeffs(), strict=True):
            exponents = list(monomial)
            p, exponents[vertex] = int(exponents[vertex]), 0
            by_power.setdefault(p, {})[tuple(exponents)] = c
        for p, part in by_power.items():
            yield self.mul([Form(self.context.from_dict(part), den), *([value] * p)])


def summands(term: Term) -> Iterator[Term]:
    """The terms whose sum a term is, as far as its outermost sums say so."""
    if term.op == "add":
        for part in term.args:
            yield from summands(part)
        return
    if term.op == "mul":
        sums = [f for f in term.args if f.op == "add"]
        if len(sums) == 1:
            others = [f for f in term.args if f is not sums[0]]
            for part in sums[0].args:
                yield from summands(mul(*others, part))
            return
    yield term


def unfolded(term: Term) -> list[Term]:
    """The summands of a term; a vertex in one of them that stands above all others is opened: nothing cancels it."""
    found = list(summands(term))
    while found:
        *lower, top = sorted(found, key=lambda t: t.rank)
        if not top.rank or (lower and lower[-1].rank == top.rank):
            break
        factors = top.args if top.op == "mul" else (top,)
        vertex = next((f for f in factors if f.op == "let" and f.args[2] and f.rank == top.rank), None)
        if vertex is None:
            break
        found = [*lower, *summands(mul(*(f for f in factors if f is not vertex), vertex.args[1]))]
    return found


def _subtract(vector: dict[Any, Fraction], row: dict[Any, Fraction], scale: Fraction) -> None:
    """vector −= scale·row, without zeros."""
    for k, v in row.items():
        new = vector.get(k, Fraction(0)) - scale * v
        if new:
            vector[k] = new
        else:
            vector.pop(k, None)


def _content(poly: fmpq_mpoly) -> Fraction:
    """The rational c with poly/c of coprime integer coefficients, the leading one positive."""
    coefficients = [fraction(c) for c in poly.coeffs()]
    top = gcd(*(c.numerator for c in coefficients))
    bottom = lcm(*(c.denominator for c in coefficients))
    return Fraction(top if coefficients[0] > 0 else -top, bottom)
