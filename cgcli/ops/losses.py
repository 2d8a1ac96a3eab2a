"""Losses: how far a prediction p is from a target t, as one number, the mean over all elements."""

from __future__ import annotations

from cgcli.ops.activations import rel_entr, sigmoid, softplus
from cgcli.ops.arithmetic import square
from cgcli.ops.logic import absolute, where
from cgcli.ops.powers import hypot, weighted, xlog1py, xlogy
from cgcli.ops.reductions import log_softmax, mean
from cgcli.ops.row import REAL, Operation
from cgcli.ops.shaping import sum_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Shape = tuple[int, ...]
    Interval = tuple[float, float]


def _fitting(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    """One number. ValueError where prediction and target have different shapes and neither is a number."""
    prediction, target, *numbers = shapes
    if prediction != target and prediction and target:
        raise ValueError(f"prediction and target have different shapes, {list(prediction)} and {list(target)}")
    if any(numbers):
        raise ValueError("the last argument is one number")
    return ()


def _mean_of(term: Callable[..., Any]) -> Callable[..., Any]:
    """The mean over all elements of a term of (prediction, target, further numbers...)."""

    def definition(*operands: Any) -> Any:
        return mean(term(*operands), None)

    return definition


def _huber(p: Any, t: Any, delta: Any) -> Any:
    size = absolute(p - t)
    return where(size <= delta, 0.5 * square(p - t), delta * (size - 0.5 * delta))


def _pseudo_huber(p: Any, t: Any, delta: Any) -> Any:
    """delta^2*(sqrt(1 + u^2) - 1) with u = (p - t)/delta, without a square that overflows or a loss of digits."""
    off = p - t
    return off * (off / (1 + hypot(off.coerce(1.0), off / delta)))


mse = Operation(
    "mse", "p, t", shape=_fitting, definition=_mean_of(lambda p, t: square(p - t)),
    traits=("structural", "commutative"),
    spell={"latex": r"\operatorname{{mse}}\left({0}, {1}\right)"}, examples=("mse([x, y], [1, z])",),
    about="Mean squared error, mean((p - t)^2).",
)  # fmt: skip
mae = Operation(
    "mae", "p, t", shape=_fitting, definition=_mean_of(lambda p, t: absolute(p - t)),
    traits=("structural", "commutative"),
    spell={"latex": r"\operatorname{{mae}}\left({0}, {1}\right)"}, examples=("mae([x, y], [1, z])",),
    kink=lambda p, t: p == t, convention="derivative 0 where p equals t",
    about="Mean absolute error, mean(|p - t|).",
)  # fmt: skip
huber = Operation(
    "huber", "p, t, delta=1", shape=_fitting, definition=_mean_of(_huber), traits=("structural",),
    spell={"latex": r"\operatorname{{huber}}\left({0}, {1}\right)"},
    examples=("huber([x, y], [1, z])", "huber([x, y], [1, 2], z)"),
    about="Mean of (p - t)^2/2 where |p - t| is at most delta, else delta*(|p - t| - delta/2); delta is 1 by default.",
)  # fmt: skip
pseudo_huber = Operation(
    "pseudo_huber", "p, t, delta=1", shape=_fitting, definition=_mean_of(_pseudo_huber), traits=("structural",),
    spell={"latex": r"\operatorname{{pseudo\_huber}}\left({0}, {1}\right)"},
    examples=("pseudo_huber([x, y], [1, z])", "pseudo_huber([x, y], [1, 2], z)"),
    about="Mean of delta^2*(sqrt(1 + ((p - t)/delta)^2) - 1), a smooth huber; delta is 1 unless given.",
)  # fmt: skip
cross_entropy = Operation(
    "cross_entropy", "p, t", shape=_fitting, definition=lambda p, t: -sum_of(xlogy(t, p), None), traits=("structural",),
    spell={"latex": r"-\sum {1} \ln {0}"}, examples=("cross_entropy(softmax([x, y, z]), [0.2, 0.3, 0.5])",),
    about="-sum(t*log(p)) of predicted chances p and target chances t, in this order.",
)  # fmt: skip
softmax_cross_entropy = Operation(
    "softmax_cross_entropy", "z, t", shape=_fitting,
    definition=lambda z, t: -sum_of(weighted(t, log_softmax(z, -1.0)), None), traits=("structural",),
    spell={"latex": r"-\sum {1} \ln \operatorname{{softmax}}\left({0}\right)"},
    examples=("softmax_cross_entropy([x, y, z], [0.2, 0.3, 0.5])",),
    about="cross_entropy(softmax(z), t) of scores z without loss of digits; of a matrix, each row is one softmax.",
)  # fmt: skip
bce = Operation(
    "bce", "p, t", shape=_fitting, definition=_mean_of(lambda p, t: -(xlogy(t, p) + xlog1py(1 - t, -p))),
    traits=("structural",), spell={"latex": r"\operatorname{{bce}}\left({0}, {1}\right)"},
    examples=("bce([sigmoid(x), sigmoid(y)], [1, 0])",),
    about="Binary cross entropy, -mean(t*log(p) + (1 - t)*log(1 - p)), of predicted chances p and targets t.",
)  # fmt: skip
logit_loss = Operation(
    "logit_loss", "z, t", definition=lambda z, t: weighted(1 - t, softplus(z)) + weighted(t, softplus(-z)),
    partials=(lambda z, t, r: (1 - t) * sigmoid(z) - t * sigmoid(-z), lambda z, t, r: -z),
    spell={"latex": r"\ln\left(1 + e^{{{0}}}\right) - {1} \cdot {0}"}, domain=(REAL, (0.0, 1.0)),
    about="softplus(z) - t*z: the binary cross entropy of one score z and its target t, also of an infinite score.",
)  # fmt: skip
sigmoid_bce = Operation(
    "sigmoid_bce", "z, t", shape=_fitting, definition=_mean_of(lambda z, t: logit_loss(z, t)),
    traits=("structural",), spell={"latex": r"\operatorname{{bce}}\left(\sigma\left({0}\right), {1}\right)"},
    examples=("sigmoid_bce([x, y], [1, 0])",),
    about="bce(sigmoid(z), t) of scores z without loss of digits.",
)  # fmt: skip
hinge = Operation(
    "hinge", "z, t", shape=_fitting, definition=_mean_of(lambda z, t: where(t * z < 1, 1 - t * z, 0.0)),
    traits=("structural",), spell={"latex": r"\operatorname{{hinge}}\left({0}, {1}\right)"},
    examples=("hinge([x, y], [1, -1])",), kink=lambda z, t: t * z == 1, convention="derivative 0 where t*z is 1",
    about="Mean of max(1 - t*z, 0) for scores z and targets t of -1 or 1.",
)  # fmt: skip
kl_div = Operation(
    "kl_div", "p, q", shape=_fitting, definition=lambda p, q: sum_of(rel_entr(p, q), None), traits=("structural",),
    spell={"latex": r"\operatorname{{KL}}\left({0} \,\middle\|\, {1}\right)"},
    examples=("kl_div(softmax([x, y, z]), [0.2, 0.3, 0.5])",),
    about="Kullback-Leibler divergence sum(p*log(p/q)) of the chances p from the chances q.",
)  # fmt: skip
