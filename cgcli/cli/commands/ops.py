"""List the operations and constants, or explain some of them.

Examples:
  cg ops
  cg ops atan2
  cg ops ln + pi
  cg ops softmax --json
"""

from __future__ import annotations

import textwrap
from math import inf

from cgcli.cli.output import number_text, print_json
from cgcli.errors import UsageError, did_you_mean
from cgcli.ops import FAMILIES, REGISTRY, structure
from cgcli.ops.constants import ALIASES, CONSTANTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import ModuleType
    from typing import Any

    from cgcli.cli.options import Annotated, Json, typer
    from cgcli.graph.ref import Ref
    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

WIDTH = 80
ABOUT_AT = 26
"""Column at which the list says what an operation does."""

STATIC = 2.0
"""What stands for a static argument without a default, such as the order of a Bessel function."""

OPERANDS = (2.5, 2.0, 3.0, 0.5, 1.5, 4.0, -0.5)
WHOLE_OPERANDS = (12.0, 18.0)
"""Operands of an example, where the domain has them."""

ELEMENTS = {"x": 1.0, "y": 2.0, "z": 3.0}
"""Inputs of the examples of structural rows."""

LONGEST = 160
"""A derivative that is longer than this explains nothing."""


def run(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="An operation, an alias, a sign such as +, a constant.")
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(metavar="NAMES", help="More of them.")] = None,
    *,
    latex: Annotated[bool, typer.Option("--latex", help="Print how each is written in LaTeX.")] = False,
    json: Json = False,
) -> None:
    """Print the list by families, or everything about the named ones."""
    wanted = [*([name] if name else []), *(more or [])]
    if latex:
        rows = [row for word in wanted for row in rows_named(word)] if wanted else shown()
        texts = {row.name: latex_of(row) for row in rows}
        if json:
            print_json({"latex": texts})
        else:
            width = max(map(len, texts), default=0)
            print("\n".join(f"{name:<{width}}  {text}" for name, text in texts.items()))
        return
    if not wanted:
        if json:
            print_json({"operations": [brief(row) for row in shown()], "constants": constants()})
        else:
            print("\n".join(overview()))
        return
    found = [entry for word in wanted for entry in named(word)]
    if json:
        print_json(found[0] if len(found) == 1 else found)
    else:
        print("\n\n".join("\n".join(explained(entry)) for entry in found))


# ---- what there is ---------------------------------------------------------------------------------------------


def shown() -> list[Operation]:
    """Every row but the leaves and what the language uses within itself, in the order of the table."""
    return [row for row in REGISTRY.rows if not row.traits & {"leaf"} and row is not structure.alias]


def families() -> list[tuple[str, list[Operation]]]:
    """Title of each family, with its rows; rows that were declared elsewhere come last."""
    groups: dict[str, list[Operation]] = {module.__name__: [] for module in FAMILIES}
    for row in shown():
        groups.setdefault(row.family, []).append(row)
    titles = {module.__name__: title_of(module) for module in FAMILIES}
    return [(titles.get(family, "Declared elsewhere"), rows) for family, rows in groups.items() if rows]


def title_of(module: ModuleType) -> str:
    """The first words of a module's docstring."""
    return (module.__doc__ or module.__name__).partition("\n")[0].partition(":")[0].partition(".")[0]


def signature(row: Operation) -> str:
    """How a call is written: `atan2(y, x)`, `sum(x, axis=None)`, `x + y`."""
    names = [parameter.name for parameter in row.parameters]
    sign = row.spell.get("infix")
    if sign and is_written(row):
        return f"{names[0]} {sign} {names[1]}" if row.arity == 2 else f"{sign} {names[0]}".replace("- ", "-")
    texts = [
        parameter.name if parameter.required else f"{parameter.name}={number_text(parameter.default)}"
        if isinstance(parameter.default, float) else f"{parameter.name}={parameter.default}"
        for parameter in row.parameters
    ]  # fmt: skip
    return f"{row.name}({', '.join([*texts, *(['...'] if row.variadic else [])])})"


def brief(row: Operation) -> dict[str, Any]:
    """Name, signature, aliases and what it does."""
    return {"name": row.name, "signature": signature(row), "aliases": list(row.aliases), "about": row.about}


def constants() -> list[dict[str, Any]]:
    """The constants of the language."""
    return [
        {"name": name, "value": constant.value, "about": constant.about,
         "aliases": [alias for alias, meant in ALIASES.items() if meant == name]}
        for name, constant in CONSTANTS.items()
    ]  # fmt: skip


def rows_named(word: str) -> list[Operation]:
    """The rows that a name, an alias or a sign means; [] for a constant. UsageError for an unknown word."""
    rows = [
        row for row in shown()
        if word in (row.name, *row.aliases) or (word == row.spell.get("infix") and is_written(row))
    ]  # fmt: skip
    if not rows and word not in (name for each in constants() for name in (each["name"], *each["aliases"])):
        known = [*REGISTRY.callable_as, *CONSTANTS, *ALIASES]
        raise UsageError(f"there is no operation `{word}`", hint=did_you_mean(word, known) or "`cg ops` lists them all")
    return rows


def latex_of(row: Operation) -> str:
    """A call of an operation in LaTeX, on the names of its operands; of a structural one its first example."""
    from cgcli.api.sources import parse
    from cgcli.emit.latex import latex

    if not row.elementwise:
        return parse(row.examples[0]).latex() if row.examples else ""
    graph, _, node = applied(row)
    return latex(graph, node.node)


def named(word: str) -> list[dict[str, Any]]:
    """Entries of all rows that a name, an alias or a sign means, or of a constant. UsageError for an unknown word."""
    rows = rows_named(word)
    if rows:
        return [entry(row) for row in rows]
    return [constant for constant in constants() if word in (constant["name"], *constant["aliases"])][:1]


# ---- everything about one --------------------------------------------------------------------------------------


def entry(row: Operation) -> dict[str, Any]:
    """All that the row says, with rules as formulas; keys without a value are left out."""
    facts = {
        **brief(row),
        "domain": domain_texts(row),
        "derivatives": derivatives(row) if row.elementwise else example_derivatives(row),
        "kink": formula_of(row, row.kink) if row.kink and row.elementwise else None,
        "convention": row.convention,
        "kinks_at": kinks_at(row),
        "definition": formula_of(row, row.definition) if row.definition and row.elementwise else None,
        "traits": sorted(row.traits),
        "identities": identity_texts(row),
        "targets": targets(row),
        "example": example(row),
        "source": row.source,
    }
    return {key: value for key, value in facts.items() if value or key == "aliases"}


def domain_texts(row: Operation) -> dict[str, str]:
    """Operand -> the open interval where the value is real and finite and tests sample; none for all real numbers."""
    names = [parameter.name for parameter in row.parameters if not parameter.static]
    return {
        name: f"({number_text(low)}, {number_text(high)})"
        for name, (low, high) in zip(names, row.domain, strict=True)
        if (low, high) != (-inf, inf)
    }


def kinks_at(row: Operation) -> list[dict[str, Any]]:
    """Points at kinks: the operands, and by each operand the slope of both sides and the one taken there."""
    names = [parameter.name for parameter in row.parameters if not parameter.static]
    return [
        {"operands": dict(zip(names, kink.operands, strict=True)),
         "slopes": {name: dict(zip(("left", "right", "taken"), slopes, strict=True))
                    for name, slopes in zip(names, kink.slopes, strict=True)}}
        for kink in row.kinks_at
    ]  # fmt: skip


def kink_text(kink: dict[str, Any]) -> str:
    """`x = 0: slopes -1 and 1, taken as 0`; with several operands, `d/dx` before the slopes by each."""
    texts = []
    for name, slopes in kink["slopes"].items():
        left, right, taken = ("nan" if slope is None else number_text(slope) for slope in slopes.values())
        text = f"slope {taken}" if left == right == taken else f"slopes {left} and {right}, taken as {taken}"
        texts.append(text if len(kink["slopes"]) == 1 else f"d/d{name} {text.partition(' ')[2]}")
    point = ", ".join(f"{name} = {number_text(operand)}" for name, operand in kink["operands"].items())
    return f"{point}: {'; '.join(texts)}"


def identity_texts(row: Operation) -> list[str]:
    """Neutral constants as equations: `x * 1 = x`."""
    left, right = row.identities
    if left is None and right is None:
        return []
    x, y = (parameter.name for parameter in row.parameters)
    sign = row.spell.get("infix", row.name)
    return [
        *([f"{number_text(left)} {sign} {y} = {y}"] if left is not None else []),
        *([f"{x} {sign} {number_text(right)} = {x}"] if right is not None else []),
    ]


def targets(row: Operation) -> dict[str, str]:
    """Target -> spelling, where it is not the row's own name; of LaTeX what it looks like on the operands' names."""
    found = {target: spelling_text(spelling) for target, spelling in row.spell.items() if target != "infix"}
    if "latex" in found and row.elementwise:
        found["latex"] = latex_of(row)
    return found


def spelling_text(spelling: object) -> str:
    """A spelling, or that the row has code of its own for a target."""
    return spelling if isinstance(spelling, str) else "code in the row" if callable(spelling) else "by its definition"


def applied(row: Operation) -> tuple[Graph, list[Ref], Ref]:
    """A graph with one node of a row: the graph, the inputs with the names of its operands, the node."""
    from cgcli.graph.store import Graph

    graph = Graph()
    places = [graph.ref(graph.input(item.name)) for item in row.parameters if not item.static]
    return graph, places, graph.ref(graph.apply(row, [place.node for place in places], statics(row)))


def statics(row: Operation) -> list[Any]:
    """A value for each static argument."""
    return [STATIC if item.required else item.default for item in row.parameters if item.static]


def text_of(graph: Graph, node: int) -> str:
    """A node as formula text, simplified."""
    from cgcli.emit.formula import expression
    from cgcli.passes.simplify import simplify

    simpler, (place,) = simplify(graph, [node])
    return expression(simpler, place)


def formula_of(row: Operation, rule: Callable[..., Any]) -> str:
    """A rule of (operands..., static values...) as formula text."""
    graph, places, node = applied(row)
    return text_of(graph, node.coerce(rule(*places, *graph.attributes_of(node.node))).node)


def derivatives(row: Operation) -> dict[str, str]:
    """Operand -> the partial derivative as formula text: what the pass makes of the row's rule."""
    from cgcli.passes.differentiate import differentiate

    graph, places, node = applied(row)
    found = differentiate(graph, [node.node], [place.node for place in places])
    texts = {graph.input_name(place.node): text_of(graph, found.wrt(place.node)) for place in places}
    return readable({f"d/d{name}": text for name, text in texts.items()})


def example_derivatives(row: Operation) -> dict[str, str]:
    """Derivatives of a structural row's first example."""
    from cgcli.api.sources import parse

    if not row.examples:
        return {}
    formula = parse(row.examples[0])
    texts = {name: str(formula.derivative(name)) for name in formula.inputs}
    return readable({f"d/d{name} {row.examples[0]}": text for name, text in texts.items()})


def readable(texts: dict[str, str]) -> dict[str, str]:
    """The formulas, if all of them are short enough to read."""
    return texts if all(len(text) <= LONGEST and "\n" not in text for text in texts.values()) else {}


def example(row: Operation) -> dict[str, str]:
    """A formula as a person types it, the inputs it needs, and its value."""
    from cgcli.api.sources import parse

    if "internal" in row.traits and not row.examples and not is_written(row):
        return {}
    text = row.examples[0] if row.examples else sample_call(row)
    formula = parse(text)
    values = {name: ELEMENTS[name] for name in formula.inputs}
    given = " ".join(f"{name}={number_text(value)}" for name, value in values.items())
    return {"formula": text, "values": given, "result": number_text(rounded(formula.eval(values)))}


def rounded(value: Any) -> Any:
    """Twelve digits of every number: the last ones differ between mathematical libraries."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [rounded(item) for item in value] if isinstance(value, list) else float(f"{value:.12g}")


def is_written(row: Operation) -> bool:
    """Whether its sign in a formula means this row, and not another one that prints with the same sign."""
    meant = [other for other in shown() if other.spell.get("infix") == row.spell.get("infix")]
    return "infix" in row.spell and row is next(other for other in meant if other.arity == row.arity)


def sample_call(row: Operation) -> str:
    """A call on numbers of the domain."""
    from cgcli.emit.formula import applied as written

    graph, _, node = applied(row)
    likely = WHOLE_OPERANDS if "whole_operands" in row.traits else OPERANDS
    numbers = []
    for position, (low, high) in enumerate(row.domain):
        wanted = [likely[position], *likely]
        numbers.append(number_text(next((value for value in wanted if low < value < high), 0.5 * (low + high))))
    return written(graph, node.node, numbers)


# ---- as text ---------------------------------------------------------------------------------------------------


def overview() -> Iterator[str]:
    """The lines of the list."""
    for title, rows in families():
        yield title
        for row in rows:
            yield from listed(signature(row), row.about + also_called(row))
        yield ""
    yield "Constants"
    for constant in constants():
        also = f" Also {', '.join(constant['aliases'])}." if constant["aliases"] else ""
        yield from listed(f"{constant['name']} = {number_text(constant['value'])}", constant["about"] + also)
    yield ""
    yield "`cg ops NAME` shows everything about one."


def also_called(row: Operation) -> str:
    """Names that the signature does not show, as a sentence."""
    names = [name for name in (row.name, *row.aliases) if name not in signature(row)]
    return f" Also {', '.join(names)}." if names and "internal" not in row.traits else ""


def listed(name: str, about: str) -> list[str]:
    """A name and what it is, in two columns."""
    lines = textwrap.wrap(about, WIDTH - ABOUT_AT) or [""]
    first = f"  {name}"
    if len(first) >= ABOUT_AT - 1:
        return [first, *(" " * ABOUT_AT + line for line in lines)]
    return [first.ljust(ABOUT_AT) + lines[0], *(" " * ABOUT_AT + line for line in lines[1:])]


def explained(facts: dict[str, Any]) -> list[str]:
    """The lines about one operation or constant."""
    if "signature" not in facts:
        also = f" (also {', '.join(facts['aliases'])})" if facts["aliases"] else ""
        return [f"{facts['name']} = {number_text(facts['value'])}{also}", f"  {facts['about']}"]
    lines = [facts["signature"], *textwrap.wrap(facts["about"], WIDTH, initial_indent="  ", subsequent_indent="  ")]
    for label, texts in labelled(facts):
        wide = 14
        for text in texts:
            lines += textwrap.wrap(
                text, WIDTH, initial_indent=f"  {label}".ljust(wide), subsequent_indent=" " * (wide + 2),
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
            label = ""
    return lines


def labelled(facts: dict[str, Any]) -> Iterable[tuple[str, Sequence[str]]]:
    """What is known about an operation beyond its signature, by label, in reading order."""
    shown_example = facts.get("example")
    name = facts["name"] if facts["name"] not in facts["signature"] else None
    texts: dict[str, Sequence[str]] = {
        "name": [name] if name else [],
        "aliases": [", ".join(facts["aliases"])] if facts["aliases"] else [],
        "domain": [f"{operand} in {interval}" for operand, interval in facts.get("domain", {}).items()],
        "derivative": [f"{slope} = {text}" for slope, text in facts.get("derivatives", {}).items()],
        "kink": [f"where {facts['kink']}"] if "kink" in facts else [],
        "convention": [facts["convention"]] if "convention" in facts else [],
        "at a kink": list(map(kink_text, facts.get("kinks_at", []))),
        "definition": [facts["definition"]] if "definition" in facts else [],
        "identities": facts.get("identities", []),
        "traits": [", ".join(facts["traits"]).replace("_", " ")] if "traits" in facts else [],
        "targets": [f"{target}: {text}" for target, text in facts.get("targets", {}).items()],
        "example": [example_text(shown_example)] if shown_example else [],
        "source": [facts["source"]] if "source" in facts else [],
    }
    return texts.items()


def example_text(shown_example: dict[str, str]) -> str:
    """`sum([x, y, z]) = 6 with x=1 y=2 z=3`."""
    given = f" with {shown_example['values']}" if shown_example["values"] else ""
    return f"{shown_example['formula']} = {shown_example['result']}{given}"
