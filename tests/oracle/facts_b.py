"""Equations (34) to (60), transcribed by hand as printed, mistakes kept."""

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

exp, ln, tanh = MP.exp, MP.ln, MP.tanh


def fill(book: Book) -> None:
    step_before(book)
    second_term(book)
    recursion_and_c(book)
    loss_in_b(book)
    last_step_b(book)


def step_before(book: Book) -> None:
    def sum34(w, c):
        n = w.tau - 1
        return w.gnode(loss(n), "h", n) + w.gnode(loss(w.tau), "h", n)

    book.chain(
        "grad_{h^(tau-1)} L",
        lambda w, c: w.gnode(total, "h", w.tau - 1),
        ("34", "grad_{h^(tau-1)} L^(tau-1) + grad_{h^(tau-1)} L^(tau)", sum34),
        ("35", "the same, first term labelled", sum34),
    )
    book.label(
        "35",
        "grad_{h^(tau-1)} L^(tau-1) : V^T grad_{o^(tau-1)} L",
        lambda w, c: w.gnode(loss(w.tau - 1), "h", w.tau - 1),
        lambda w, c: w.V.T @ w.gnode(total, "o", w.tau - 1),
    )

    def e37(w, c):
        def inner(i):
            return wh(w, w.tau, i) + S(lambda ep: w.U[i, ep] * w.x(w.tau)[ep], 4)

        return loss_in_tanh(w, w.tau, inner, inner)

    book.chain(
        "L^(tau)",
        lambda w, c: w.Lt(w.tau),
        ("36", "-c_1 - sum v_1i h_i + ln(..)", lambda w, c: loss_in_h(w, w.tau)),
        ("37", "-c_1 - sum v_1i tanh(..) + ln[..tanh(..)..]", e37),
    )

    small = MP.mpf(10) ** -16
    book.chain(
        "d/dx tanh x",
        lambda w, c: (tanh(c.z + small) - tanh(c.z - small)) / (2 * small),
        ("38", "1 - tanh^2(x)", lambda w, c: 1 - tanh(c.z) ** 2),
        over=("z",),
    )

    def f(w, c, i):  # F(x^(tau)), free; in hand it is (U x^(tau))_i
        return c.hand(w.U @ w.x(w.tau), i)

    def e39(w, c):
        def expression(run):
            h = run.h[w.tau - 1]
            return S(
                lambda i: w.V[1, i] * tanh(w.b[i] + S(lambda al: w.W[i, al] * h[al], 5) + f(w, c, i)),
                5,
            )

        return w.dnode(expression, "h", w.tau - 1, 1)

    def bracket(w, c, i):
        return 1 - tanh(w.b[i] + wh(w, w.tau, i) + f(w, c, i)) ** 2

    hand = {"readings": (COMPONENT,)}
    book.none(
        "39",
        "d/dh_1^(tau-1) sum_i v_1i tanh(b_i + sum w h + F): head only",
        e39,
        **hand,
    )
    book.chain(
        "(39)",
        e39,
        (
            "40",
            "sum_i v_1i w_i1 (1 - tanh^2(..F..))",
            lambda w, c: S(lambda i: w.V[1, i] * w.W[i, 1] * bracket(w, c, i), 5),
        ),
        (
            "41",
            "sum_i v_1i w_i1 (1 - (h_i^(tau))^2)",
            lambda w, c: S(lambda i: w.V[1, i] * w.W[i, 1] * (1 - w.h(w.tau)[i] ** 2), 5),
        ),
        **hand,
    )
    book.label(
        "40",
        "(1 - tanh^2(..)) : (h_1^(tau))^2",
        lambda w, c: bracket(w, c, c.i),
        lambda w, c: w.h(w.tau)[1] ** 2,
        over=("i5",),
        **hand,
    )


def second_term(book: Book) -> None:
    def e42(w, c):
        h = w.h(w.tau)

        def summand(j):  # exp(c_j + .) is exp(o_j^(tau))
            return exp(w.o(w.tau)[j]) * S(lambda i: w.V[j, i] * w.W[i, 1] * (1 - h[i] ** 2), 5)

        def inner(m):
            return wh(w, w.tau, m) + c.hand(w.U @ w.x(w.tau), m)

        return S(summand, 3) / S(
            lambda k: exp(w.c[k] + S(lambda m: w.V[k, m] * tanh(w.b[m] + inner(m)), 5)),
            3,
        )

    def ln_term(w):  # ln(.) is the ln term of (37) at step tau, as a function of a run
        return lambda run: ln(S(lambda k: exp(comp("o", w.tau, k)(run)), 3))

    book.chain(
        "d ln(.)/dh_1^(tau)",
        lambda w, c: w.dnode(ln_term(w), "h", w.tau, 1),
        ("42", "sum_j [exp(c_j+.) sum_i v_ji w_i1 (1-h_i^2)] / sum_k exp(..F..)", e42),
        readings=(COMPONENT,),
    )
    book.chain(
        "dL^(tau)/dh_1^(tau-1)",
        lambda w, c: w.dnode(loss(w.tau), "h", w.tau - 1, 1),
        (
            "43",
            "sum_i sum_j (1 - h_i^2) w_i1 v_ji (yh_j - 1_{1,j})",
            lambda w, c: S(
                lambda i: S(
                    lambda j: (
                        (1 - w.h(w.tau)[i] ** 2) * w.W[i, 1] * w.V[j, i] * (w.yh(w.tau)[j] - (1 if j == 1 else 0))
                    ),
                    3,
                ),
                5,
            ),
        ),
    )

    W_T = "11 21 31 41 51 / 12 22 32 42 52 / 13 23 33 43 53 / 14 24 34 44 54 / 15 25 35 45 55"
    book.chain(
        "[supplied] grad_{h^(tau-1)} L^(tau)",
        lambda w, c: w.gnode(loss(w.tau), "h", w.tau - 1),
        (
            "44",
            "diag W^T V^T (yh..)",
            lambda w, c: diag_h(w) @ grid(w.W, W_T) @ grid(w.V, V_T) @ y_less_one(w, w.tau),
        ),
    )
    book.label(
        "44",
        "diag(1 - (h^(tau))^2)",
        lambda w, c: diag_h(w),
        lambda w, c: diag1m(w.h(w.tau)),
    )
    book.label("44", "W^T", lambda w, c: grid(w.W, W_T), lambda w, c: w.W.T)
    book.label("44", "V^T", lambda w, c: grid(w.V, V_T), lambda w, c: w.V.T)
    book.label(
        "44",
        "grad_{o^(tau)} L",
        lambda w, c: y_less_one(w, w.tau),
        lambda w, c: w.gnode(total, "o", w.tau),
    )


def recursion_and_c(book: Book) -> None:
    book.chain(
        "grad_{h^(t)} L",
        lambda w, c: gh(w, c.t),
        (
            "45",
            "W^T diag(1 - (h^(t+1))^2) (grad_{h^(t+1)} L) + V^T (grad_{o^(t)} L)",
            lambda w, c: w.W.T @ diag1m(w.h(c.t + 1)) @ gh(w, c.t + 1) + w.V.T @ go(w, c.t),
        ),
        over=("t<tau",),
    )
    book.chain(
        "L^(t)",
        lambda w, c: w.Lt(c.t),
        ("46", "-c_1 - sum v_1i h_i + ln(..)", lambda w, c: loss_in_h(w, c.t)),
        **T,
    )
    book.none("47", "nothing printed", None, meaningless="an empty numbered line")

    shared = {"over": ("t",), "readings": (PER_STEP,)}
    book.chain(
        "dL^(t)/dc_1",
        lambda w, c: w.dpar(loss(c.t), "c", 1, step=c.copy(c.t)),
        ("48", "yh_1 - 1", lambda w, c: w.yh(c.t)[1] - 1),
        **shared,
    )
    book.chain(
        "dL^(t)/dc_2^(t)",
        lambda w, c: w.dpar(loss(c.t), "c", 2, step=c.t),
        ("48", "yh_2", lambda w, c: w.yh(c.t)[2]),
        **T,
    )
    book.chain(
        "dL^(t)/dc_3",
        lambda w, c: w.dpar(loss(c.t), "c", 3, step=c.copy(c.t)),
        ("48", "yh_3", lambda w, c: w.yh(c.t)[3]),
        **shared,
    )
    book.chain(
        "grad_{c^(t)} L^(t)",
        lambda w, c: w.gpar(loss(c.t), "c", c.t),
        (
            "49",
            "((yh_1 - 1)  yh_2  yh_3)^T",
            lambda w, c: row(w.yh(c.t)[1] - 1, w.yh(c.t)[2], w.yh(c.t)[3]).T,
        ),
        ("49", "grad_{o^(t)} L^(t)", lambda w, c: w.gnode(loss(c.t), "o", c.t)),
        **T,
    )
    grad_c(book, "50")


def loss_in_b(book: Book) -> None:
    def f(w, c, t, i):  # F(x^(t)), free; in hand it is (U x^(t))_i
        return c.hand(w.U @ w.x(t), i)

    def e51(w, c):  # b_i^(t) is the copy of b used at step t: its value is b_i
        def inner(i):
            return wh(w, c.t, i) + f(w, c, c.t, i)

        return loss_in_tanh(w, c.t, inner, inner)

    def e52(w, c):
        def both(
            i,
        ):  # F(h^(t-1), x^(t)) and G(h^(t-1), x^(t)), free; in hand (W h + U x)_i
            return c.hand(w.W @ w.h(c.t - 1) + w.U @ w.x(c.t), i)

        return loss_in_tanh(w, c.t, both, both)

    hand = {"over": ("t",), "readings": (COMPONENT,)}
    text = "-c_1 - sum v_1i tanh(b_i{} + {}) + ln[..tanh(b_l + {})..]"
    book.chain(
        "L^(t)",
        lambda w, c: w.Lt(c.t),
        ("51", text.format("^(t)", "sum w h + F(x^(t))", "sum w h + F(x^(t))"), e51),
        **hand,
    )
    book.chain(
        "L^(t)",
        lambda w, c: w.Lt(c.t),
        ("52", text.format("", "F(h,x)", "G(h,x)"), e52),
        **hand,
    )


def last_step_b(book: Book) -> None:
    printed = {  # number: (component of h, v of (yh_1^(tau) - 1), v of yh_2^(t), v of yh_3^(t))
        "53": (1, (1, 1), (2, 1), (3, 2)),
        "54": (2, (1, 2), (2, 2), (3, 2)),
        "55": (3, (1, 3), (2, 3), (3, 1)),
        "56": (4, (1, 4), (2, 4), (3, 4)),
        "57": (5, (1, 5), (2, 5), (3, 5)),
    }
    for number, (n, v1, v2, v3) in printed.items():

        def side(w, c, n=n, v1=v1, v2=v2, v3=v3):
            y, yt = w.yh(w.tau), w.yh(c.t)
            return (1 - w.h(w.tau)[n] ** 2) * (w.V[v1] * (y[1] - 1) + w.V[v2] * yt[2] + w.V[v3] * yt[3])

        text = "(1-h_{}^2)(v_{}{}(yh_1-1) + v_{}{} yh_2^(t) + v_{}{} yh_3^(t))"
        book.chain(
            f"dL/dh_{n}^(tau)",
            lambda w, c, n=n: w.dnode(total, "h", w.tau, n),
            (number, text.format(n, *v1, *v2, *v3), side),
            over=("t",),
            readings=(T_AS_TAU,),
        )

    book.chain(
        "[supplied] grad_{b^(tau)} L",
        lambda w, c: w.gpar(total, "b", w.tau),
        (
            "58",
            "diag V^T (yh..)",
            lambda w, c: diag_h(w) @ grid(w.V, V_T) @ y_less_one(w, w.tau),
        ),
    )
    book.label(
        "58",
        "diag(1 - (h^(tau))^2)",
        lambda w, c: diag_h(w),
        lambda w, c: diag1m(w.h(w.tau)),
    )
    book.label("58", "V^T", lambda w, c: grid(w.V, V_T), lambda w, c: w.V.T)
    book.label(
        "58",
        "grad_{o^(tau)} L",
        lambda w, c: y_less_one(w, w.tau),
        lambda w, c: go(w, w.tau),
    )

    book.chain(
        "grad_b L^(tau)",
        lambda w, c: w.gpar(loss(w.tau), "b", c.copy(w.tau)),
        (
            "59",
            "diag(1 - (h^(tau))^2) V^T grad_{o^(tau)} L",
            lambda w, c: diag1m(w.h(w.tau)) @ w.V.T @ go(w, w.tau),
        ),
        (
            "60",
            "diag(1 - (h^(tau))^2) grad_{h^(tau)} L",
            lambda w, c: diag1m(w.h(w.tau)) @ gh(w, w.tau),
        ),
        readings=(PER_STEP,),
    )
