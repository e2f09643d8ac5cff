"""Equations (61) to (88), transcribed by hand as printed, mistakes kept."""

from __future__ import annotations

from .fact import COMPONENT, PER_STEP, T_AS_TAU, Book
from .forward import MP, S, comp, diag1m, grid, loss, row, total
from .printed import (
    V_T,
    T,
    diag_h,
    gh,
    go,
    grad_c,
    loss_in_h,
    loss_in_tanh,
    wh,
    y_less_one,
)

exp, ln = MP.exp, MP.ln
CLASH = "W^T (5x5) times grad_{h^(tau)} L (5x1) times diag (5x5): the shapes clash"


def fill(book: Book) -> None:
    all_steps_b(book)
    output_weights(book)
    hidden_weights(book)
    hidden_weights_steps(book)
    input_weights(book)
    summary(book)


def braced(w):
    """The labelled factor of (61) and (80), in the printed order: it does not conform."""
    n = w.tau
    return w.W.T @ gh(w, n) @ diag1m(w.h(n)) + w.V.T @ go(w, n)


def all_steps_b(book: Book) -> None:
    book.chain(
        "grad_b L^(tau-1)",
        lambda w, c: w.gpar(loss(w.tau - 1), "b", c.copy(w.tau - 1)),
        (
            "61",
            "diag(1 - (h^(tau-1))^2) (W^T (grad_h L) diag + V^T (grad_{o^(tau)} L))",
            lambda w, c: diag1m(w.h(w.tau - 1)) @ braced(w),
            {"meaningless": CLASH},
        ),
        (
            "62",
            "diag(1 - (h^(tau-1))^2) grad_{h^(tau-1)} L",
            lambda w, c: diag1m(w.h(w.tau - 1)) @ gh(w, w.tau - 1),
        ),
        readings=(PER_STEP,),
    )
    book.label(
        "61",
        "W^T (grad_h L) diag + V^T (grad_{o^(tau)} L) : grad_{h^(tau-1)} L",
        lambda w, c: braced(w),
        lambda w, c: gh(w, w.tau - 1),
        meaningless=CLASH,
    )
    book.chain(
        "grad_b L",
        lambda w, c: w.gpar(total, "b"),
        (
            "63",
            "sum_t^tau (dh^(t)/db)^T grad_{h^(t)} L",
            lambda w, c: S(lambda t: w.jac("h", t, "b", c.copy(t)).T @ gh(w, t), w.tau),
            {"readings": (PER_STEP,)},
        ),
        (
            "63",
            "sum_t^tau diag(1 - (h^(t))^2) grad_{h^(t)} L",
            lambda w, c: S(lambda t: diag1m(w.h(t)) @ gh(w, t), w.tau),
        ),
    )


def output_weights(book: Book) -> None:
    book.chain(
        "L^(t)",
        lambda w, c: w.Lt(c.t),
        ("64", "-ln(yh_1)", lambda w, c: -ln(w.yh(c.t)[1])),
        (
            "64",
            "-o_1 + ln(sum_i exp(o_i))",
            lambda w, c: -w.o(c.t)[1] + ln(S(lambda i: exp(w.o(c.t)[i]), 3)),
        ),
        ("65", "-c_1 - sum v_1i h_i + ln(..)", lambda w, c: loss_in_h(w, c.t)),
        **T,
    )
    shared = {"over": ("t",), "readings": (PER_STEP,)}
    book.chain(
        "dL^(t)/dv_11",
        lambda w, c: w.dpar(loss(c.t), "V", 1, 1, c.copy(c.t)),
        (
            "66",
            "-h_1 + h_1 exp(c_k + sum_l v_kl h_l)/sum_k exp(..)",
            None,
            {"meaningless": "k is free in the numerator"},
        ),
        (
            "67",
            "-h_1 + h_1 yh_1",
            lambda w, c: -w.h(c.t)[1] + w.h(c.t)[1] * w.yh(c.t)[1],
        ),
        ("68", "h_1 (yh_1 - 1)", lambda w, c: w.h(c.t)[1] * (w.yh(c.t)[1] - 1)),
        **shared,
    )
    printed = {"69": (2, 2), "70": (3, 3), "71": (4, 4), "72": (5, 5)}  # (v_1j, h_i)
    for number, (j, i) in printed.items():
        book.chain(
            f"dL^(t)/dv_1{j}",
            lambda w, c, j=j: w.dpar(loss(c.t), "V", 1, j, c.copy(c.t)),
            (
                number,
                f"h_{i} (yh_1 - 1)",
                lambda w, c, i=i: w.h(c.t)[i] * (w.yh(c.t)[1] - 1),
            ),
            **shared,
        )

    def h_row(w, t):
        h = w.h(t)
        return row(h[1], h[2], h[3], h[4], h[5])

    book.chain(
        "[supplied] grad_V L^(t)",
        lambda w, c: w.gpar(loss(c.t), "V", c.copy(c.t)),
        ("73", "(yh..)(h_1 .. h_5)", lambda w, c: y_less_one(w, c.t) @ h_row(w, c.t)),
        ("74", "(grad_{o^(t)} L)(h^(t))^T", lambda w, c: go(w, c.t) @ w.h(c.t).T),
        **shared,
    )


def hidden_weights(book: Book) -> None:
    def f(w, c, i):  # F(x^(tau)), free; in hand it is (U x^(tau))_i
        return c.hand(w.U @ w.x(w.tau), i)

    def inner(w, c, i):
        return wh(w, w.tau, i) + f(w, c, i)

    book.chain(
        "[supplied] L^(tau)",
        lambda w, c: w.Lt(w.tau),
        (
            "75",
            "-c_1 - sum v_1i tanh(..F..) + ln[..tanh(..F..)..]",
            lambda w, c: loss_in_tanh(w, w.tau, lambda i: inner(w, c, i), lambda i: inner(w, c, i)),
        ),
        readings=(COMPONENT,),
    )

    def e76(w, c):
        h, before, v = w.h(w.tau), w.h(w.tau - 1), w.V

        def power(k):
            return exp(w.c[k] + S(lambda m: v[k, m] * MP.tanh(w.b[m] + inner(w, c, m)), 5))

        first = -before[1] * (1 - h[1] ** 2) * S(lambda i: v[1, i], 5)
        top = before[1] * (1 - h[1] ** 2) * power(1) * S(lambda i: v[1, i], 5)
        return first + top / S(power, 3)

    def e77(w, c):
        h, before, v, y = w.h(w.tau), w.h(w.tau - 1), w.V, w.yh(w.tau)
        return -before[1] * (1 - h[1] ** 2) * S(lambda i: v[1, i], 5) + y[1] * before[1] * (1 - h[1] ** 2) * S(
            lambda i: v[1, i], 5
        )

    book.chain(
        "dL^(tau)/dw_11",
        lambda w, c: w.dpar(loss(w.tau), "W", 1, 1, c.copy(w.tau)),
        (
            "76",
            "-h_1(1-h_1^2) sum_i v_1i + h_1(1-h_1^2) exp(c_1+..) sum_i v_1i / sum_k exp(..)",
            e76,
            {"readings": (PER_STEP, COMPONENT)},
        ),
        ("77", "-h_1(1-h_1^2) sum_i v_1i + yh_1 h_1(1-h_1^2) sum_i v_1i", e77),
        (
            "78",
            "big(1-h_1^2) sum_i v_1i (yh_1-1) h_1",
            None,
            {"meaningless": "a stray symbol: the word big in front of the bracket"},
        ),
        readings=(PER_STEP,),
    )


def hidden_weights_steps(book: Book) -> None:
    def printed_row(w):
        h = w.h(w.tau - 1)
        return row(h[1], h[1], h[3], h[4], h[5])

    book.chain(
        "[supplied] grad_{W^(tau)} L",
        lambda w, c: w.gpar(total, "W", w.tau),
        (
            "79",
            "diag V^T (yh^(t)..) (h_1 h_1 h_3 h_4 h_5)",
            lambda w, c: diag_h(w) @ grid(w.V, V_T) @ y_less_one(w, c.t) @ printed_row(w),
        ),
        over=("t",),
        readings=(T_AS_TAU,),
    )
    book.label(
        "79",
        "diag(1 - (h^(tau))^2)",
        lambda w, c: diag_h(w),
        lambda w, c: diag1m(w.h(w.tau)),
    )
    book.label("79", "V^T", lambda w, c: grid(w.V, V_T), lambda w, c: w.V.T)
    book.label(
        "79",
        "grad_{o^(t)} L",
        lambda w, c: y_less_one(w, c.t),
        lambda w, c: go(w, c.t),
        **T,
    )

    book.chain(
        "[supplied] grad_{W^(tau-1)} L",
        lambda w, c: w.gpar(total, "W", w.tau - 1),
        (
            "80",
            "diag (W^T (grad_h L) diag + V^T (grad_{o^(tau)} L)) (h^(tau-1-1))",
            lambda w, c: diag1m(w.h(w.tau - 1)) @ braced(w) @ w.h(w.tau - 1 - 1),
            {"meaningless": CLASH},
        ),
    )
    book.label(
        "80",
        "W^T (grad_h L) diag + V^T (grad_{o^(tau)} L) : grad_{h^(tau-1)} L",
        lambda w, c: braced(w),
        lambda w, c: gh(w, w.tau - 1),
        meaningless=CLASH,
    )
    book.chain(
        "grad_W L",
        lambda w, c: w.gpar(total, "W"),
        ("81", "sum_t^tau diag(1-(h^(t))^2) (grad_{h^(t)} L) (h^(t-1))^T", by_w),
    )


def by_w(w, c):
    """sum_t diag(1 - (h^(t))^2) (grad_{h^(t)} L) (h^(t-1))^T, in (81) and (87)."""
    return S(lambda t: diag1m(w.h(t)) @ gh(w, t) @ w.h(t - 1).T, w.tau)


def by_u(w, c):
    """sum_t diag(1 - (h^(t))^2) (grad_{h^(t)} L) (x^(t))^T, in (83) and (88)."""
    return S(lambda t: diag1m(w.h(t)) @ gh(w, t) @ w.x(t).T, w.tau)


def by_units(name):
    """sum_t sum_i (dL/dh_i^(t)) grad_P h_i^(t), P = U or W, in (82), (87), (88)."""

    def side(w, c):
        return S(
            lambda t: S(
                lambda i: w.dnode(total, "h", t, i) * w.gpar(comp("h", t, i), name, c.copy(t)),
                5,
            ),
            w.tau,
        )

    return side


def input_weights(book: Book) -> None:
    per_step = {"readings": (PER_STEP,)}
    book.chain(
        "grad_U L",
        lambda w, c: w.gpar(total, "U"),
        ("82", "sum_t sum_i (dL/dh_i^(t)) grad_U h_i^(t)", by_units("U"), per_step),
        ("83", "sum_t diag(1-(h^(t))^2) (grad_{h^(t)} L) (x^(t))^T", by_u),
    )
    book.label(
        "82",
        "sum_i (dL/dh_i^(t)) : diag(1 - (h^(t))^2)",
        lambda w, c: S(lambda i: w.dnode(total, "h", c.t, i), 5),
        lambda w, c: diag1m(w.h(c.t)),
        meaningless="a scalar labelled as a matrix (5x5)",
        **T,
    )
    book.label(
        "82",
        "grad_U h_i^(t) : (x^(t))^T",
        lambda w, c: w.gpar(comp("h", c.t, c.i), "U", c.copy(c.t)),
        lambda w, c: w.x(c.t).T,
        meaningless="a 5x4 matrix labelled as a 1x4 row",
        over=("t", "i5"),
        **per_step,
    )


def summary(book: Book) -> None:
    per_step = {"readings": (PER_STEP,)}
    grad_c(book, "84")
    book.chain(
        "grad_b",
        None,
        (
            "85",
            "sum_t (dh^(t)/db^(t))^T grad_{h^(t)} L",
            lambda w, c: S(lambda t: w.jac("h", t, "b", t).T @ gh(w, t), w.tau),
        ),
        (
            "85",
            "sum_t diag(1-(h^(t))^2) grad_{h^(t)} L",
            lambda w, c: S(lambda t: diag1m(w.h(t)) @ gh(w, t), w.tau),
        ),
        no_head="grad_b = ...: the nabla has no operand",
    )
    undeclared = "bold v is undeclared (the matrix is V)"
    book.chain(
        "grad_v L",
        None,
        (
            "86",
            "sum_t sum_i (dL/do_i^(t)) grad_v o_i^(t)",
            None,
            {"meaningless": undeclared},
        ),
        (
            "86",
            "sum_t (grad_{o^(t)} L)(h^(t))^T",
            lambda w, c: S(lambda t: go(w, t) @ w.h(t).T, w.tau),
        ),
        no_head=undeclared,
    )
    book.chain(
        "grad_W L",
        lambda w, c: w.gpar(total, "W"),
        ("87", "sum_t sum_i (dL/dh_i^(t)) grad_W h_i^(t)", by_units("W"), per_step),
        ("87", "sum_t diag(1-(h^(t))^2) (grad_{h^(t)} L) (h^(t-1))^T", by_w),
    )
    book.chain(
        "grad_U L",
        lambda w, c: w.gpar(total, "U"),
        ("88", "sum_t sum_i (dL/dh_i^(t)) grad_U h_i^(t)", by_units("U"), per_step),
        ("88", "sum_t diag(1-(h^(t))^2) (grad_{h^(t)} L) (x^(t))^T", by_u),
    )
