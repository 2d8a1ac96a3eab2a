"""Two more problems of ADBench: an LSTM that predicts a text letter by letter, and a hand that is fitted to points.

Each is written once over a namespace of functions, as in `adbench.py`, with data of the sizes of ADBench's. The LSTM
has a diagonal weight for each gate. The hand's bones turn one after the other; its skin follows a mean of them.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

import cgcli as cg
from cgcli.formulas.derivatives import gradients

Tasks = tuple[Callable[[], Any], Callable[[], Any] | None]

# ---- the LSTM -----------------------------------------------------------------------------------------------------


def lstm_data(layers: int, steps: int, bits: int = 14) -> dict[str, Any]:
    """Weights and biases of each layer's gates, three vectors around them, a state, and a text in bits."""
    random = np.random.default_rng(3)
    return {
        "main": random.random((2 * layers, 4 * bits)), "extra": random.random((3, bits)),
        "state": random.random((2 * layers, bits)), "text": random.integers(0, 2, (steps, bits)).astype(float),
    }  # fmt: skip


def lstm_step(m: Any, main: Any, extra: Any, state: list[Any], letter: Any) -> tuple[Any, list[Any]]:
    """The logarithms of the prediction of the next letter, and the state after this one."""
    bits = letter.shape[0]
    signal, after = letter * extra[0], []
    for layer in range(len(state) // 2):
        hidden, cell = state[2 * layer], state[2 * layer + 1]
        gates = m.concat([signal, hidden, signal, hidden]) * main[2 * layer] + main[2 * layer + 1]
        forget, enter, leave = (m.sigmoid(gates[k * bits : (k + 1) * bits]) for k in range(3))
        cell = cell * forget + enter * m.tanh(gates[3 * bits :])
        signal = leave * m.tanh(cell)
        after += [signal, cell]
    predicted = signal * extra[1] + extra[2]
    return predicted - m.log(m.sum(m.exp(predicted)) + 2.0), after


def lstm(m: Any, main: Any, extra: Any, state: Any, text: Any) -> Any:
    """Minus the mean of the logarithms, over the letters from the second on: written out step by step."""
    now, total = [state[k] for k in range(state.shape[0])], 0.0
    for step in range(text.shape[0] - 1):
        found, now = lstm_step(m, main, extra, now, text[step])
        total = total + m.sum(text[step + 1] * found)
    return -total / (text[1:].shape[0] * text.shape[1])


def lstm_text(layers: int, steps: int, bits: int) -> str:
    """The same as a formula, a fold over the letters."""
    parts = [[f"{part}{layer}" for part in ("hidden", "cell")] for layer in range(layers)]
    states = ", ".join(part for layer in parts for part in layer)
    begin = ", ".join(f"state[{place}]" for place in range(2 * layers))
    below = ["signal", *(hidden for hidden, _ in parts)]
    return "\n".join([
        *(f"input {name}" for name in ("main", "extra", "state", "text")),
        "def layer(signal, hidden, cell, weight, bias):",
        "    gates = concat(signal, hidden, signal, hidden)*weight + bias",
        f"    cell = cell*sigmoid(gates[:{bits}]) + sigmoid(gates[{bits}:{2 * bits}])*tanh(gates[{3 * bits}:])",
        f"    return sigmoid(gates[{2 * bits}:{3 * bits}])*tanh(cell), cell",
        f"def step({states}, total, t):",
        "    signal = text[t]*extra[0]",
        *(f"    {hidden}, {cell} = layer({below[k]}, {hidden}, {cell}, main[{2 * k}], main[{2 * k + 1}])"
          for k, (hidden, cell) in enumerate(parts)),
        f"    predicted = {below[-1]}*extra[1] + extra[2]",
        f"    return {states}, total + sum(text[t + 1]*(predicted - log(sum(exp(predicted)) + 2)))",
        f"{states}, total = fold(step, ({begin}, 0), range({steps - 1}))",
        f"loss = -total/{(steps - 1) * bits}",
        "output loss",
    ])  # fmt: skip


def lstm_with_cg(data: dict[str, Any]) -> Tasks:
    formula = cg.parse(lstm_text(len(data["state"]) // 2, *data["text"].shape))

    def gradient() -> list[Any]:
        found, slopes = gradients(formula.bind(data), ["main", "extra"])
        return [found["loss"], *slopes["loss"].values()]

    return lambda: formula.eval(data), gradient


def lstm_with_jax(data: dict[str, Any]) -> Tasks:
    import jax
    import jax.numpy as jnp

    space = SimpleNamespace(
        concat=jnp.concatenate, sigmoid=jax.nn.sigmoid, tanh=jnp.tanh, log=jnp.log, exp=jnp.exp, sum=jnp.sum
    )
    text = jnp.asarray(data["text"])
    first = list(jnp.asarray(data["state"]))

    def result(main: Any, extra: Any) -> Any:
        def step(state: Any, letters: Any) -> Any:
            found, after = lstm_step(space, main, extra, state, letters[0])
            return after, jnp.sum(letters[1] * found)

        _, found = jax.lax.scan(step, first, (text[:-1], text[1:]))
        return -jnp.sum(found) / text[1:].size

    value, both = jax.jit(result), jax.jit(jax.value_and_grad(result, argnums=(0, 1)))
    given = [jnp.asarray(data[name]) for name in ("main", "extra")]

    def gradient() -> list[Any]:
        found, slopes = both(*given)
        return [float(found), *map(np.asarray, slopes)]

    return lambda: float(value(*given)), gradient


def lstm_with_torch(data: dict[str, Any]) -> Tasks:
    import torch

    space = SimpleNamespace(
        concat=torch.cat, sigmoid=torch.sigmoid, tanh=torch.tanh, log=torch.log, exp=torch.exp, sum=torch.sum
    )
    fixed = [torch.from_numpy(data[name]) for name in ("state", "text")]
    tracked = [torch.from_numpy(data[name]).requires_grad_() for name in ("main", "extra")]

    def value() -> float:
        with torch.no_grad():
            return float(lstm(space, *tracked, *fixed))

    def gradient() -> list[Any]:
        found = lstm(space, *tracked, *fixed)
        return [float(found.detach()), *(slope.numpy() for slope in torch.autograd.grad(found, tracked))]

    return value, gradient


# ---- the hand -----------------------------------------------------------------------------------------------------

BONES, FINGERS, ANGLES = 22, 5, 26
"""Of the model: a wrist, and four bones a finger (and a forearm), moved by 26 numbers."""


def hand_data(points: int, *, free: bool) -> dict[str, Any]:
    """A model of a hand and points to fit it to. free: each point lies somewhere in a triangle of the skin.

    parents: of each bone the one that it hangs on, -1 for none. skin: corners by bones and coordinates, weighted, of
    each corner that a point belongs to.
    """
    random = np.random.default_rng(5)
    parents = [-1, 0, *(0 if bone % 4 == 0 else bone + 1 for bone in range(BONES - 2))]
    turned, _ = np.linalg.qr(random.normal(size=(BONES, 3, 3)))
    relative = np.tile(np.eye(4), (BONES, 1, 1))
    relative[:, :3, :3], relative[:, :3, 3] = turned, random.normal(size=(BONES, 3)) / 4
    inverse = np.tile(np.eye(4), (BONES, 1, 1))
    inverse[:, :3, :3], inverse[:, :3, 3] = turned.transpose(0, 2, 1), random.normal(size=(BONES, 3)) / 4
    corners = 3 if free else 1
    places = np.concatenate([random.normal(size=(corners, points, 3)), np.ones((corners, points, 1))], axis=2)
    weights = random.random((corners, points, BONES))
    weights /= weights.sum(axis=2, keepdims=True)
    skin = (weights[..., None] * places[:, :, None, :]).reshape(corners, points, 4 * BONES)
    return {
        "parents": parents, "relative": relative, "inverse": inverse, "skin": skin,
        "seen": random.normal(size=(points, 3)), "theta": random.random(ANGLES) / 2,
        **({"u": random.random((points, 2)) / 2} if free else {}),
    }  # fmt: skip


def turned_by(m: Any, angles: list[Any]) -> Any:
    """The rotation by Euler's angles about x, then y, then z; they come as x, z, y."""
    (a, b, c), zero, one = (angles[0], angles[2], angles[1]), 0.0, 1.0
    about_x = [[one, zero, zero], [zero, m.cos(a), -m.sin(a)], [zero, m.sin(a), m.cos(a)]]
    about_y = [[m.cos(b), zero, -m.sin(b)], [zero, one, zero], [m.sin(b), zero, m.cos(b)]]
    about_z = [[m.cos(c), -m.sin(c), zero], [m.sin(c), m.cos(c), zero], [zero, zero, one]]
    return m.matrix(about_z) @ m.matrix(about_y) @ m.matrix(about_x)


def turned_about(m: Any, axis: Any) -> Any:
    """The rotation by an axis whose length is the angle (Rodrigues)."""
    angle = m.sqrt(m.sum(axis * axis))
    x, y, z = (axis[k] / angle for k in range(3))
    s, c = m.sin(angle), m.cos(angle)
    return m.matrix([
        [x * x + (1 - x * x) * c, x * y * (1 - c) - z * s, x * z * (1 - c) + y * s],
        [x * y * (1 - c) + z * s, y * y + (1 - y * y) * c, y * z * (1 - c) - x * s],
        [x * z * (1 - c) - y * s, z * y * (1 - c) + x * s, z * z + (1 - z * z) * c],
    ])  # fmt: skip


def bones_of(m: Any, theta: Any, data: dict[str, Any]) -> Any:
    """Where the bones are, transposed and one below the other, as the skin is multiplied by."""
    angles: dict[int, list[Any]] = {}
    place = 6
    for finger in range(FINGERS):
        for joint in range(3):
            own = [theta[place], 0.0 * theta[place], 0.0 * theta[place]]
            place += 1
            if joint == 0:
                own[1] = theta[place]
                place += 1
            angles[2 + 4 * finger + joint] = own
    absolute: list[Any] = []
    for bone, parent in enumerate(data["parents"]):
        own = m.constant(data["relative"][bone])
        if bone in angles:
            turned = own[:3, :3] @ turned_by(m, angles[bone])
            own = m.below(m.beside(turned, own[:3, 3:]), own[3:])
        absolute.append(own if parent < 0 or parent >= bone else absolute[parent] @ own)
    placed = [(each @ m.constant(inverse))[:3] for each, inverse in zip(absolute, data["inverse"], strict=True)]
    return m.concat([m.turned(each) for each in placed])


def hand(m: Any, theta: Any, u: Any, data: dict[str, Any]) -> Any:
    """What is left of each seen point: a row of x, y and z."""
    bones = bones_of(m, theta, data)
    corners = [m.constant(each) @ bones for each in data["skin"]]
    if u is not None:
        first, second = u[:, 0:1], u[:, 1:2]
        corners = [first * corners[0] + second * corners[1] + (1.0 - first - second) * corners[2]]
    return m.constant(data["seen"]) - (corners[0] @ m.turned(turned_about(m, theta[0:3])) + theta[3:6])


def hand_with_cg(data: dict[str, Any]) -> Tasks:
    theta = cg.inputs("theta", (ANGLES,))
    graph = theta.graph
    u = graph.ref(graph.input("u", data["u"].shape)) if "u" in data else None
    space = SimpleNamespace(
        sin=cg.sin, cos=cg.cos, sqrt=cg.sqrt, sum=cg.sum, constant=lambda array: graph.ref(graph.array_constant(array)),
        matrix=lambda rows: cg.stack(*(cg.stack(*(theta.coerce(each) for each in row)) for row in rows)),
        below=cg.concat, beside=lambda a, b: cg.concat(a.T, b.T).T, concat=lambda parts: cg.concat(*parts),
        turned=lambda a: a.T,
    )  # fmt: skip
    formula = cg.formula(hand(space, theta, u, data))
    values = {name: data[name] for name in ("theta", "u") if name in data}

    def jacobian() -> list[Any]:
        found = formula.jacobian(values, sparse=u is not None)
        dense = found["theta"].toarray() if u is not None else found["theta"].reshape(-1, ANGLES)
        return [dense, *([by_point(found["u"])] if u is not None else [])]

    return lambda: formula.eval(values), jacobian


def by_point(matrix: Any) -> Any:
    """Of a sparse Jacobian by two numbers a point, the entries: three rows by two columns each."""
    return matrix.data.reshape(-1, 2)


def hand_with_jax(data: dict[str, Any]) -> Tasks:
    import jax
    import jax.numpy as jnp

    space = SimpleNamespace(
        sin=jnp.sin, cos=jnp.cos, sqrt=jnp.sqrt, sum=jnp.sum, constant=jnp.asarray,
        matrix=lambda rows: jnp.stack([jnp.stack([jnp.asarray(each) for each in row]) for row in rows]),
        below=lambda a, b: jnp.concatenate([a, b]), beside=lambda a, b: jnp.concatenate([a, b], axis=1),
        concat=jnp.concatenate, turned=lambda a: a.T,
    )  # fmt: skip
    value = jax.jit(lambda theta, u: hand(space, theta, u, data))
    slopes = jax.jit(jax.jacfwd(lambda theta, u: hand(space, theta, u, data)))
    ways = [np.tile(unit, (len(data["seen"]), 1)) for unit in np.eye(2)]
    along = jax.jit(lambda theta, u: [jax.jvp(lambda v: hand(space, theta, v, data), (u,), (way,))[1] for way in ways])
    given = [jnp.asarray(data["theta"]), jnp.asarray(data["u"]) if "u" in data else None]

    def jacobian() -> list[Any]:
        found = [np.asarray(slopes(*given)).reshape(-1, ANGLES)]
        if "u" in data:
            found.append(np.stack([np.asarray(each).ravel() for each in along(*given)], axis=1))
        return found

    return lambda: np.asarray(value(*given)), jacobian


def hand_with_torch(data: dict[str, Any]) -> Tasks:
    import torch

    space = SimpleNamespace(
        sin=torch.sin, cos=torch.cos, sqrt=torch.sqrt, sum=torch.sum, constant=torch.as_tensor,
        matrix=lambda rows: torch.stack(
            [torch.stack([torch.as_tensor(each, dtype=torch.float64) for each in row]) for row in rows]
        ),
        below=lambda a, b: torch.cat([a, b]), beside=lambda a, b: torch.cat([a, b], dim=1), concat=torch.cat,
        turned=lambda a: a.T,
    )  # fmt: skip
    theta = torch.from_numpy(data["theta"])
    u = torch.from_numpy(data["u"]) if "u" in data else None
    ways = [torch.from_numpy(np.tile(unit, (len(data["seen"]), 1))) for unit in np.eye(2)]

    def value() -> Any:
        with torch.no_grad():
            return hand(space, theta, u, data).numpy()

    def jacobian() -> list[Any]:
        found = [torch.func.jacfwd(lambda given: hand(space, given, u, data))(theta).numpy().reshape(-1, ANGLES)]
        if u is not None:
            slopes = [torch.func.jvp(lambda given: hand(space, theta, given, data), (u,), (way,))[1] for way in ways]
            found.append(np.stack([each.numpy().ravel() for each in slopes], axis=1))
        return found

    return value, jacobian


LSTM_WITH = {"cg": lstm_with_cg, "JAX": lstm_with_jax, "PyTorch": lstm_with_torch}
HAND_WITH = {"cg": hand_with_cg, "JAX": hand_with_jax, "PyTorch": hand_with_torch}
