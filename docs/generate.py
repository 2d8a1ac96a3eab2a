"""Write the reference documents that come from the code.

python docs/generate.py               write all of them
python docs/generate.py operations    write one
"""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from cgcli.cli.commands.ops import constants, entry, example_text, families, kink_text  # noqa: E402
from cgcli.cli.output import number_text  # noqa: E402


def operations() -> str:
    """Every operation and constant, as `cg ops NAME` explains it."""
    lines = [
        "# Operations", "",
        "Written by `python docs/generate.py operations` from the rows of `cgcli/ops`; do not edit. `cg ops` lists",
        "the same in the terminal, and `cg ops NAME` also shows traits and the spelling on each target.", "",
        "Derivatives are what the derivative pass makes of a row's rule, simplified. At a kink no derivative exists,",
        "and the convention says which value stands in its place; the slopes on both sides and the one taken are given",
        "at a point of each kind. A domain is where the value is real and finite and where tests sample; an operation",
        "may work beyond it. Where a value is infinite or undefined the answer is `inf` or `nan` as in IEEE 754.",
        "Measured errors are in [accuracy.md](accuracy.md).", "",
    ]  # fmt: skip
    groups = families()
    lines += [f"- [{title}](#{anchor(title)})" for title, _ in groups]
    lines += ["- [Constants](#constants)", ""]
    for title, rows in groups:
        lines += [f"## {title}", ""]
        for row in rows:
            lines += [*section(entry(row)), ""]
    lines += ["## Constants", "", "| name | value | |", "|---|---|---|"]
    for constant in constants():
        also = f"; also {', '.join(f'`{alias}`' for alias in constant['aliases'])}" if constant["aliases"] else ""
        lines.append(f"| `{constant['name']}` | {number_text(constant['value'])} | {constant['about']}{also} |")
    return "\n".join(lines) + "\n"


def section(facts: dict) -> list[str]:
    """One operation."""
    also = [f"`{name}`" for name in facts["aliases"]]
    if not facts["signature"].startswith(f"{facts['name']}("):
        also.insert(0, f"`{facts['name']}`")
    lines = [f"### `{facts['signature']}`", "", facts["about"] + (f" Also {', '.join(also)}." if also else ""), ""]
    for name, slope in facts.get("derivatives", {}).items():
        lines.append(f"- `{name} = {slope}`")
    for operand, interval in facts.get("domain", {}).items():
        lines.append(f"- Domain: {operand} in {interval}")
    if "kink" in facts:
        lines.append(f"- Kink where `{facts['kink']}`: {facts['convention']}")
    elif "convention" in facts:
        lines.append(f"- Convention: {facts['convention']}")
    lines += [f"- At a kink, {kink_text(kink)}" for kink in facts.get("kinks_at", [])]
    if "definition" in facts:
        lines.append(f"- Definition: `{facts['definition']}`")
    if "example" in facts:
        lines.append(f"- Example: `{example_text(facts['example'])}`")
    if "source" in facts:
        lines.append(f"- Source: {facts['source']}")
    return lines


def anchor(title: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return "".join(letter for letter in title.lower().replace(" ", "-") if letter.isalnum() or letter == "-")


DOCUMENTS = {"operations": operations}


def main(names: list[str]) -> str | None:
    """Write the named documents, or all. A complaint about a name that is none."""
    unknown = [name for name in names if name not in DOCUMENTS]
    if unknown:
        return f"no such document: {', '.join(unknown)}; there are {', '.join(DOCUMENTS)}"
    for name in names or DOCUMENTS:
        (DOCS / f"{name}.md").write_text(DOCUMENTS[name](), encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
