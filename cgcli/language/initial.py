"""Initial values that are drawn: `param W[64, 128] = glorot()`. The kinds, and what a declaration says of one.

They are forms of the `param` statement and no operations: a graph stays a function of its inputs. What is drawn depends
on the name of the parameter, its shape and a seed (`cgcli.draws`), and is a default value like any other.
"""

from __future__ import annotations

from math import prod, sqrt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Shape = tuple[int, ...]

SEED = 1
"""The seed of values that are drawn where none is given, as in `cg eval`."""


class Kind:
    """A way to draw: its signature, and from shape and arguments to (what is drawn, its centre, its scale).

    What is drawn is `uniform`, on centre ± scale, or `normal`, with the standard deviation `scale`.
    parameters: names with their defaults; None is one that may be left out.
    """

    __slots__ = ("about", "name", "parameters", "source", "spread")

    def __init__(
        self, name: str, parameters: dict[str, float | None], spread: Callable[..., tuple[str, float, float]],
        about: str, source: str = "",
    ) -> None:  # fmt: skip
        self.name = name
        self.parameters = parameters
        self.spread = spread
        self.about = about
        self.source = source

    def __reduce__(self) -> tuple[object, ...]:
        return kind_of, (self.name,)

    @property
    def signature(self) -> str:
        """How it is called."""
        listed = (name if default is None else f"{name}={default:g}" for name, default in self.parameters.items())
        return f"{self.name}({', '.join(listed)})"


def fans(shape: Shape) -> tuple[float, float]:
    """Inputs and outputs of a layer with weights of this shape, as `W @ x` takes them. ValueError for a number.

    A matrix has its outputs in rows and its inputs in columns, a vector is one row; of more axes the first two are
    outputs and inputs (channels), the others the window that each of them sees.
    """
    if not shape:
        raise ValueError("needs the shape of the weights")
    if len(shape) == 1:
        return float(shape[0]), 1.0
    window = prod(shape[2:])
    return float(shape[1] * window), float(shape[0] * window)


def _uniform(shape: Shape, low: float, high: float) -> tuple[str, float, float]:
    if not low <= high:
        raise ValueError(f"the range from {low:g} to {high:g} is none")
    return "uniform", 0.5 * (low + high), 0.5 * (high - low)


def _normal(shape: Shape, mean: float, deviation: float) -> tuple[str, float, float]:
    if not deviation >= 0:
        raise ValueError(f"a standard deviation is at least 0, not {deviation:g}")
    return "normal", mean, deviation


def _by_inputs(what: str, variance: float) -> Callable[..., tuple[str, float, float]]:
    """Numbers of the variance `variance`/inputs; the inputs are those of the shape unless they are given."""

    def spread(shape: Shape, inputs: float | None) -> tuple[str, float, float]:
        count = fans(shape)[0] if inputs is None else inputs
        if not count > 0:
            raise ValueError(f"a layer has at least one input, not {count:g}")
        return what, 0.0, sqrt((3.0 if what == "uniform" else 1.0) * variance / count)

    return spread


def _glorot(what: str) -> Callable[..., tuple[str, float, float]]:
    def spread(shape: Shape, gain: float) -> tuple[str, float, float]:
        if not gain >= 0:
            raise ValueError(f"a gain is at least 0, not {gain:g}")
        return what, 0.0, gain * sqrt((6.0 if what == "uniform" else 2.0) / sum(fans(shape)))

    return spread


GLOROT = "X. Glorot, Y. Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010, eq. 16"
HE = "K. He, X. Zhang, S. Ren, J. Sun, Delving deep into rectifiers, 2015, eq. 10"
LECUN = "Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, Efficient backprop, 1998, section 4.6"

KINDS = {
    kind.name: kind
    for kind in (
        Kind("uniform", {"low": 0.0, "high": 1.0}, _uniform, "between low and high"),
        Kind("normal", {"mean": 0.0, "deviation": 1.0}, _normal, "normal, with this standard deviation"),
        Kind("glorot", {"gain": 1.0}, _glorot("uniform"), "uniform on ± gain·√(6/(inputs + outputs))", GLOROT),
        Kind("glorot_normal", {"gain": 1.0}, _glorot("normal"),
             "normal with deviation gain·√(2/(inputs + outputs))", GLOROT),
        Kind("he", {"inputs": None}, _by_inputs("normal", 2.0), "normal with deviation √(2/inputs), for relu", HE),
        Kind("he_uniform", {"inputs": None}, _by_inputs("uniform", 2.0), "uniform on ± √(6/inputs), for relu", HE),
        Kind("lecun", {"inputs": None}, _by_inputs("normal", 1.0), "normal with deviation √(1/inputs)", LECUN),
        Kind("lecun_uniform", {"inputs": None}, _by_inputs("uniform", 1.0), "uniform on ± √(3/inputs)", LECUN),
    )
}  # fmt: skip
ALIASES = {
    "glorot_uniform": "glorot", "xavier": "glorot", "xavier_uniform": "glorot", "xavier_normal": "glorot_normal",
    "he_normal": "he", "kaiming": "he", "kaiming_normal": "he", "kaiming_uniform": "he_uniform",
    "lecun_normal": "lecun",
}  # fmt: skip


def kind_of(name: str) -> Kind | None:
    """The kind of this name, or None."""
    return KINDS.get(ALIASES.get(name, name))


class Initialiser:
    """How the initial value of a parameter is drawn: a kind and the arguments of its call."""

    __slots__ = ("arguments", "kind")

    def __init__(self, name: str, arguments: Sequence[float] = ()) -> None:
        """ValueError for a name that is no kind's and for a wrong count of arguments."""
        kind = kind_of(name)
        if kind is None:
            raise ValueError(f"there is no initial value `{name}`")
        if len(arguments) > len(kind.parameters):
            raise ValueError(f"it is {kind.signature}")
        self.kind = kind
        self.arguments = tuple(map(float, arguments))

    def __eq__(self, other: object) -> bool:
        """Two of one kind with the same arguments draw the same."""
        return isinstance(other, Initialiser) and (self.kind, self.arguments) == (other.kind, other.arguments)

    def __hash__(self) -> int:
        return hash((self.kind.signature, self.arguments))

    def spread(self, shape: Shape) -> tuple[str, float, float]:
        """What is drawn, its centre and its scale. ValueError where the shape or an argument does not fit."""
        return self.kind.spread(shape, *self.arguments, *list(self.kind.parameters.values())[len(self.arguments) :])

    def drawn(self, name: str, shape: Shape, seed: int = SEED) -> Any:
        """The value of the parameter of this name: a float, or an array of the shape. ValueError as of `spread`."""
        what, centre, scale = self.spread(shape)
        from cgcli.draws import normals, uniforms

        count = prod(shape)
        values = normals(seed, name, count) if what == "normal" else 2.0 * uniforms(seed, name, count) - 1.0
        values = centre + scale * values
        return values.reshape(shape) if shape else float(values[0])
