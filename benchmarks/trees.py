"""Trees of unlike shape: a training step (loss and gradient) batched, node by node, and beside PyTorch and DyNet.

    OMP_NUM_THREADS=1 python benchmarks/trees.py [--width 64 256] [--batch 1 32 128] [--leaves 128] [--rounds 3]

The shape of the benchmark of TensorFlow Fold (M. Looks et al., "Deep learning with dynamic computation graphs", ICLR
2017): random trees, chains and balanced trees of 128 leaves; the cell is relu of a product 2d -> d, then one product
d -> 4d for the gates. One thread. cg and PyTorch compute in doubles, DyNet in single precision, which is all it has.
PyTorch runs node by node ("eager") and with the schedule that cg would take, by depth, written out by hand; DyNet
batches by itself. "equal" is a batch of trees of one shape, "by hand" the same as one tree whose nodes are matrices.
Times are of the processor: other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from time import process_time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
from harness import installed, machine, markdown, require_agreement, written

import cgcli as cg
from cgcli.terms.asking import Question
from cgcli.terms.columns import Columns, call

WORDS = 1_000
SHAPES = ("balanced", "random", "chain")
PEERS = ("cg", "PyTorch")
Post = list[tuple[int, ...]]
"""A tree in postorder: a leaf is (word,), a pair the places of its two parts."""


def text(width: int) -> str:
    """The formula."""
    d = width
    return f"""term tree
param E[{WORDS}, {d}] = normal(0, 0.1)
param P[{d}, {2 * d}] = glorot()
param p[{d}] = 0
param G[{4 * d}, {d}] = glorot()
param g[{4 * d}] = 0
word(k) = E[k]
def pair(left, right):
    h = relu(P @ concat(left, right) + p)
    z = G @ h + g
    c = sigmoid(z[:{d}]) * tanh(z[{3 * d}:]) + sigmoid(z[{2 * d}:{3 * d}]) * h
    return sigmoid(z[{d}:{2 * d}]) * tanh(c)
loss = sum(tree^2) * weight
"""


def tree(shape: str, leaves: int, random: Any) -> Post:
    """A tree of a shape."""
    order: Post = [(int(word),) for word in random.integers(0, WORDS, leaves)]
    open_ = list(range(leaves))
    while len(open_) > 1:
        pairs = range(0, len(open_) - 1, 2) if shape == "balanced" else range(1)
        place = int(random.integers(len(open_) - 1)) if shape == "random" else 0
        made = []
        for first in pairs:
            at = first if shape == "balanced" else place
            order.append((open_[at], open_[at + 1]))
            made.append(len(order) - 1)
        if shape == "balanced":
            open_ = made + (open_[-1:] if len(open_) % 2 else [])
        else:
            open_[place : place + 2] = made
    return order


def terms(trees: Sequence[Post]) -> Any:
    """Trees as cg's columns of terms, which a table is read into once."""
    columns = Columns()
    for each in trees:
        nodes: list[int] = []
        for parts in each:
            leaf = len(parts) == 1
            operands = [columns.number(float(parts[0]))] if leaf else [nodes[part] for part in parts]
            nodes.append(columns.node(call("word" if leaf else "pair"), operands))
        columns.end_row(nodes[-1])
    return columns.done()


def cg_step(width: int, trees: Sequence[Post], values: dict[str, Any], *, batched: bool) -> Callable[[], Any]:
    """A training step of cg, with scheduling: the loss, and the sum of its gradient by P."""
    formula, given = cg.parse(text(width)), {"tree": terms(trees), "weight": np.ones(len(trees)), **values}

    def step() -> tuple[float, float]:
        question = Question(formula, given, rows=True, batched=batched)
        _, losses, slopes = question.gradients(None, None)
        return float(losses.sum()), float(slopes["P"].sum())

    return step


def torch_steps(width: int, trees: Sequence[Post], values: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """PyTorch's, node by node and with a schedule by depth."""
    import torch

    torch.set_num_threads(1)
    E, P, p, G, g = (torch.tensor(values[name], requires_grad=True) for name in "EPpGg")
    linear = torch.nn.functional.linear

    def cell(left: Any, right: Any) -> Any:
        h = torch.relu(linear(torch.cat((left, right), -1), P, p))
        i, o, f, u = linear(h, G, g).chunk(4, -1)
        return torch.sigmoid(o) * torch.tanh(torch.sigmoid(i) * torch.tanh(u) + torch.sigmoid(f) * h)

    def done(loss: Any) -> tuple[float, float]:
        for parameter in (E, P, p, G, g):
            parameter.grad = None
        loss.backward()
        return loss.item(), P.grad.sum().item()

    def eager() -> Any:
        total = 0.0
        for each in trees:
            values: list[Any] = []
            for parts in each:
                values.append(E[parts[0]] if len(parts) == 1 else cell(values[parts[0]], values[parts[1]]))
            total = total + (values[-1] ** 2).sum()
        return done(total)

    words, levels, roots = by_depth(trees, torch)

    def scheduled() -> Any:
        made = [E[words]]
        for left, right in levels:
            made.append(cell(gathered(made, left, torch), gathered(made, right, torch)))
        return done((gathered(made, roots, torch) ** 2).sum())

    return {"PyTorch eager": eager, "PyTorch by hand": scheduled}


def by_depth(trees: Sequence[Post], torch: Any) -> tuple[Any, list[Any], Any]:
    """The words of all leaves, and for each depth where its operands lie: (depth, places there, places here)."""
    place: list[list[tuple[int, int]]] = []
    levels: list[list[tuple[tuple[int, int], tuple[int, int]]]] = []
    words = []
    for each in trees:
        here: list[tuple[int, int]] = []
        for parts in each:
            if len(parts) == 1:
                here.append((0, len(words)))
                words.append(parts[0])
                continue
            left, right = here[parts[0]], here[parts[1]]
            depth = 1 + max(left[0], right[0])
            while len(levels) < depth:
                levels.append([])
            here.append((depth, len(levels[depth - 1])))
            levels[depth - 1].append((left, right))
        place.append(here)

    def sources(items: Sequence[tuple[int, int]]) -> list[Any]:
        found = []
        for depth in sorted({depth for depth, _ in items}):
            mine = [(at, number) for number, (level, at) in enumerate(items) if level == depth]
            found.append((depth, *(torch.tensor(column) for column in zip(*mine, strict=True))))
        return found

    return (torch.tensor(words), [tuple(sources(side) for side in zip(*level, strict=True)) for level in levels],
            sources([here[-1] for here in place]))  # fmt: skip


def gathered(made: Sequence[Any], sources: Sequence[Any], torch: Any) -> Any:
    """Operands from where they lie."""
    if len(sources) == 1:
        return made[sources[0][0]][sources[0][1]]
    order = torch.cat([here for _, _, here in sources])
    return torch.cat([made[depth][there] for depth, there, _ in sources])[torch.argsort(order)]


def dynet_step(width: int, trees: Sequence[Post], values: dict[str, Any]) -> Callable[[], Any]:
    """DyNet's automatic batching."""
    import dynet as dy

    model = dy.ParameterCollection()
    E = model.lookup_parameters_from_numpy(values["E"].astype(np.float32))
    P, p, G, g = (model.parameters_from_numpy(values[name].astype(np.float32)) for name in "PpGg")
    d = width

    def step() -> tuple[float, float]:
        dy.renew_cg()
        losses = []
        for each in trees:
            found: list[Any] = []
            for parts in each:
                if len(parts) == 1:
                    found.append(dy.lookup(E, parts[0]))
                    continue
                h = dy.rectify(dy.affine_transform([p, P, dy.concatenate([found[part] for part in parts])]))
                z = dy.affine_transform([g, G, h])
                i, o, f = (dy.logistic(dy.pickrange(z, k * d, (k + 1) * d)) for k in range(3))
                c = dy.cmult(i, dy.tanh(dy.pickrange(z, 3 * d, 4 * d))) + dy.cmult(f, h)
                found.append(dy.cmult(o, dy.tanh(c)))
            losses.append(dy.squared_norm(found[-1]))
        total = dy.esum(losses)
        value = total.value()
        model.reset_gradient() if hasattr(model, "reset_gradient") else None
        total.backward()
        return float(value), float("nan")

    return step


def by_hand(width: int, shape: Post, trees: Sequence[Post], values: dict[str, Any]) -> Callable[[], Any]:
    """A batch of trees of one shape as one tree whose nodes are matrices: what the best of schedules can reach."""
    E, P, p, G, g = (values[name] for name in "EPpGg")
    d, words = (
        width,
        [np.array([each[node][0] for each in trees]) for node, parts in enumerate(shape) if len(parts) == 1],
    )

    def step() -> float:
        found: list[Any] = []
        kept: list[Any] = []
        leaves = iter(words)
        for parts in shape:
            if len(parts) == 1:
                found.append(E[next(leaves)])
                kept.append(None)
                continue
            x = np.concatenate([found[part] for part in parts], axis=1)
            h = np.maximum(x @ P.T + p, 0)
            z = h @ G.T + g
            gates = 1 / (1 + np.exp(-z[:, : 3 * d]))
            u = np.tanh(z[:, 3 * d :])
            t = np.tanh(gates[:, :d] * u + gates[:, 2 * d :] * h)
            found.append(gates[:, d : 2 * d] * t)
            kept.append((x, h, gates, u, t))
        slopes: list[Any] = [0.0] * len(shape)
        slopes[-1] = 2 * found[-1]
        sums = [np.zeros(values[name].shape) for name in "EPpGg"]
        leaves = iter(reversed(words))
        for node in range(len(shape) - 1, -1, -1):
            slope = slopes[node]
            if kept[node] is None:
                np.add.at(sums[0], next(leaves), slope)
                continue
            x, h, gates, u, t = kept[node]
            i, o, f = gates[:, :d], gates[:, d : 2 * d], gates[:, 2 * d :]
            c = slope * o * (1 - t * t)
            dz = np.concatenate(
                (c * u * i * (1 - i), slope * t * o * (1 - o), c * h * f * (1 - f), c * i * (1 - u * u)), axis=1
            )
            sums[3] += dz.T @ h
            sums[4] += dz.sum(axis=0)
            dh = (dz @ G + c * f) * (h > 0)
            sums[1] += dh.T @ x
            sums[2] += dh.sum(axis=0)
            dx = dh @ P
            for part, piece in zip(shape[node], (dx[:, :d], dx[:, d:]), strict=True):
                slopes[part] = slopes[part] + piece
        return float((found[-1] ** 2).sum()), float(sums[1].sum())

    return step


def measured(runs: dict[str, Callable[[], Any]], rounds: int, longest: float = 60.0) -> dict[str, float]:
    """The least processor time of each run in seconds; all take turns, a long one fewer."""
    times: dict[str, float] = {}
    for round_ in range(rounds + 1):
        for name, run in runs.items():
            if round_ and times[name] * round_ > longest:
                continue
            begin = process_time()
            run()
            spent = process_time() - begin
            times[name] = spent if round_ < 2 else min(times[name], spent)
    return times


def has_dynet() -> str | None:
    """The version of DyNet, None where it is not there."""
    for name in ("dyNET38", "dyNET"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def compared(width: int, batch: int, shape: str, leaves: int, rounds: int, peers: dict[str, str]) -> dict[str, float]:
    """Seconds of a training step by what computes it."""
    random = np.random.default_rng(1)
    d = width
    values = {
        "E": random.normal(0, 0.1, (WORDS, d)), "P": random.normal(0, (2 / 3 / d) ** 0.5, (d, 2 * d)), "p": np.zeros(d),
        "G": random.normal(0, (0.4 / d) ** 0.5, (4 * d, d)), "g": np.zeros(4 * d),
    }  # fmt: skip
    trees = [tree(shape, leaves, random) for _ in range(batch)]
    runs: dict[str, Callable[[], Any]] = {"cg": cg_step(d, trees, values, batched=True)}
    if batch <= 32:
        runs["node by node"] = cg_step(d, trees, values, batched=False)
    if "PyTorch" in peers:
        runs |= torch_steps(d, trees, values)
        if batch > 32:
            del runs["PyTorch eager"]
    if "DyNet" in peers:
        runs["DyNet"] = dynet_step(d, trees, values)
    equal = [[parts if len(parts) > 1 else (int(random.integers(WORDS)),) for parts in trees[0]] for _ in trees]
    alike = {"cg": cg_step(d, equal, values, batched=True), "by hand": by_hand(d, equal[0], equal, values)}
    answers = {name: run() for name, run in runs.items()}
    doubles = {name: answer for name, answer in answers.items() if name != "DyNet"}
    require_agreement(doubles, 1e-9)
    require_agreement({name: answer[:1] for name, answer in answers.items()}, 1e-3)
    require_agreement({name: run() for name, run in alike.items()}, 1e-9)
    return measured({**runs, "cg, equal": alike["cg"], "NumPy by hand, equal": alike["by hand"]}, rounds)


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--width", type=int, nargs="+", default=[64, 256])
    arguments.add_argument("--batch", type=int, nargs="+", default=[1, 32, 128])
    arguments.add_argument("--leaves", type=int, default=128)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--json")
    options = arguments.parse_args()
    peers = installed(PEERS)
    dynet = has_dynet() if "PyTorch" in peers else None
    if dynet:
        peers["DyNet"] = dynet
        sys.argv[1:] = ["--dynet-autobatch", "1", "--dynet-mem", "4000"]
    print(f"{machine()}; {', '.join(f'{name} {number}' for name, number in peers.items())}\n")
    results = []
    for width in options.width:
        for batch in options.batch:
            for shape in SHAPES:
                times = compared(width, batch, shape, options.leaves, options.rounds, peers)
                results.append({"width": width, "batch": batch, "shape": shape, "seconds": times})
                listed = ", ".join(f"{name} {1e3 * each:.1f} ms" for name, each in times.items())
                print(f"{width} {batch} {shape}: {listed}", flush=True)
    names = list(dict.fromkeys(name for each in results for name in each["seconds"] if name != "cg"))
    rows = []
    for each in results:
        times = each["seconds"]
        ratios = [f"{times[name] / times['cg']:.2f}" if name in times else "" for name in names]
        rows.append([f"d = {each['width']}, {each['batch']} {each['shape']}", f"{1e3 * times['cg']:.1f} ms", *ratios])
    print("\nA training step of cg, and how many times as long the others take:\n")
    print(markdown(["trees of " + str(options.leaves) + " leaves", "cg", *names], rows))
    written(options.json, {"machine": machine(), "versions": peers, "results": results})


if __name__ == "__main__":
    main()
