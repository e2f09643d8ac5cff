"""Products of matrices as expressions: taken apart, turned around, collected."""

from __future__ import annotations

from functools import reduce

from symrnn.expr import Add, Constant, Diag, Dim, Expr, MatMul, Times, Transpose, transpose


def ones(dim: Dim) -> Expr:
    """A column of ones."""
    return Constant((dim, 1), "ones")


def flipped(e: Expr) -> Expr:
    """The transpose, taken inside of products: (A B)ᵀ = Bᵀ Aᵀ."""
    rows, cols = e.shape
    match e:
        case Transpose(body=body):
            return body
        case Diag():
            return e
        case MatMul(left=left, right=right):
            return MatMul((cols, rows), flipped(right), flipped(left))
        case Add(terms=terms) if 1 not in e.shape:
            return Add((cols, rows), tuple((s, flipped(x)) for s, x in terms))
        case Times(left=left, right=right) if left.shape == right.shape and 1 not in e.shape:
            return Times((cols, rows), flipped(left), flipped(right))
        case _:
            return transpose(e)


def collected(terms: list[tuple[int, Expr]], first: bool) -> list[tuple[int, Expr]]:
    """Terms that begin (``first``) or end with the same matrix, as one product of it and the sum of the rest."""
    heaps: dict[tuple[object, ...], list[tuple[int, Expr, Expr]]] = {}
    for k, (sign, x) in enumerate(terms):
        parts = chain(x)
        ends = (parts[0], parts[1:]) if first else (parts[-1], parts[:-1])
        rest = joined(ends[1])
        plain = rest is not None and not isinstance(ends[0], Diag) and not any(isinstance(y, Diag) for y in ends[1])
        tag: tuple[object, ...] = (ends[0], rest.shape) if plain and rest is not None else (k,)
        heaps.setdefault(tag, []).append((sign, x, rest if rest is not None else x))
    out: list[tuple[int, Expr]] = []
    for tag, some in heaps.items():
        if len(some) < 2:
            out.append(some[0][:2])
            continue
        shared = tag[0]
        assert isinstance(shared, Expr)
        lead = some[0][0] if all(s == some[0][0] for s, _, _ in some) else 1
        inner = Add(some[0][2].shape, tuple((s * lead, r) for s, _, r in sorted(some, key=lambda y: -y[0] * lead)))
        pair = (shared, inner) if first else (inner, shared)
        out.append((lead, MatMul(some[0][1].shape, *pair)))
    return out


def chain(e: Expr) -> list[Expr]:
    """The factors of a product of matrices."""
    return [*chain(e.left), *chain(e.right)] if isinstance(e, MatMul) and not e.scalar else [e]


def joined(values: list[Expr]) -> Expr | None:
    """A product of matrices, if there are any."""
    if not values:
        return None
    return reduce(lambda a, b: MatMul((a.shape[0], b.shape[1]), a, b), values)


def times(values: list[Expr]) -> Expr:
    """A product entry by entry."""
    return reduce(lambda a, b: Times(a.shape, a, b), values)
