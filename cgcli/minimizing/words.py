"""What is said of the end of a search, in one sentence or two."""

from __future__ import annotations

import numpy as np

from cgcli.minimizing.curvature import FLAT
from cgcli.numerals import compact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.minimizing.constrained import ConstrainedWalk
    from cgcli.minimizing.newton import Walk
    from cgcli.minimizing.objective import Objective
    from cgcli.minimizing.outcome import Minimum


def message_of(result: Minimum, objective: Objective, walk: Walk | ConstrainedWalk) -> str:
    """The words for a result."""
    return {
        "minimum": minimum, "flat": flat, "kink": kink, "unbounded": unbounded, "endless": endless,
        "stalled": stalled, "rounds": given_up, "infeasible": infeasible, "saddle": saddle,
    }[result.kind](result, objective, walk)  # fmt: skip


def minimum(result: Minimum, objective: Objective, walk: Walk | ConstrainedWalk) -> str:
    """A minimum: how the value bends, and which bounds hold it."""
    del walk
    if result.hessian_eigenvalues is None:
        at = f" at {_few(list(result.active))}" if result.active else ""
        return f"a minimum{at}: {_gradient(result)}, and no curvature is negative"
    if not len(result.hessian_eigenvalues):
        return f"a minimum in a corner, which nothing can leave: {_few(list(result.active))}"
    at = f" at {_few(list(result.active))}" if result.active else ""
    if not np.any(result.hessian_eigenvalues) and not result.gradient_norm:
        return f"a minimum{at}: the value depends on nothing else"
    del objective
    return f"a minimum{at}: {_gradient(result)}, and the value bends upwards in every direction ({_curvatures(result)})"


def flat(result: Minimum, objective: Objective, walk: Walk | ConstrainedWalk) -> str:
    """A minimum that is flat along some directions."""
    del objective, walk
    found = result.hessian_eigenvalues
    count = int((np.abs(found) <= FLAT * np.abs(found).max()).sum()) or 1
    along = "every direction" if count == len(found) else "one direction" if count == 1 else f"{count} directions"
    return (
        f"a minimum that is flat along {along}, where the second derivative is next to 0 and no lower point was found "
        f"nearby: {_gradient(result)} ({_curvatures(result)})"
    )


def kink(result: Minimum, objective: Objective, walk: Walk | ConstrainedWalk) -> str:
    """A minimum at a kink."""
    del objective, walk
    at = f" and at {_few(list(result.active))}" if result.active else ""
    return f"a minimum at a kink{at}: the gradient jumps there, the slopes around it balance, and no neighbour is lower"


def unbounded(result: Minimum, objective: Objective, walk: Walk | ConstrainedWalk) -> str:
    """No minimum: the value falls without end."""
    del walk
    return f"no minimum: the value falls without end{_far(result, objective)}"


def endless(result: Minimum, objective: Objective, walk: Walk | ConstrainedWalk) -> str:
    """No minimum: a value that is only approached."""
    limit = 0.0 if abs(result.value) < 1e-12 * abs(walk.first.value) else result.value
    return (
        f"no minimum was reached: the value only comes nearer to {compact(limit)}"
        f"{_far(result, objective)}, and no curvature holds it"
    )


def stalled(result: Minimum, objective: Objective, walk: Walk | ConstrainedWalk) -> str:
    """No step lowers the value, and it is no minimum."""
    told = f"not converged: no step lowers the value any more, but {_gradient(result)}"
    if walk.broken is not None:
        births = objective.births(walk.broken)
        told += f"; beyond it the value is not finite: {births[0].message}" if births else ""
    return told


def infeasible(result: Minimum, objective: Objective, walk: Walk | ConstrainedWalk) -> str:
    """No point that the constraints allow."""
    del result, objective, walk
    return "no minimum: no point was found that meets the constraints; this one comes as near as any around it"


def saddle(result: Minimum, objective: Objective, walk: Walk | ConstrainedWalk) -> str:
    """A stationary point that is no minimum."""
    del objective, walk
    return f"not converged: a saddle, the value bends downwards along the constraints ({_curvatures(result)})"


def given_up(result: Minimum, objective: Objective, walk: Walk | ConstrainedWalk) -> str:
    """Too many rounds."""
    del objective, walk
    found = result.hessian_eigenvalues
    lowest = found[0] if found is not None and len(found) else 0
    at = " at a point that bends downwards, a saddle or a maximum" if lowest < 0 else ""
    return f"not converged: {result.rounds} rounds were not enough{at}; {_gradient(result)}"


def _gradient(result: Minimum) -> str:
    return f"the gradient is {compact(result.gradient_norm)} long" if result.gradient_norm else "the gradient is 0"


def _curvatures(result: Minimum) -> str:
    first, last = (compact(float(result.hessian_eigenvalues[place]), digits=3) for place in (0, -1))
    return f"curvature {first}" if first == last else f"curvatures {first} to {last}"


def _few(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{len(names)} constraints"


def _far(result: Minimum, objective: Objective) -> str:
    """` as x grows`, for variables that are far out."""
    vector = objective.variables.pack(result.values)
    far = [
        f"`{label}` goes to {'' if number > 0 else '-'}infinity"
        for label, number in zip(objective.variables.labels(), vector, strict=True)
        if abs(number) > max(10.0, 1e-3 * float(np.abs(vector).max()))
    ]
    return f" as {', '.join(far[:3])}" if far else ""
