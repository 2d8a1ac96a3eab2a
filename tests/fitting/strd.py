"""NIST's Statistical Reference Datasets for nonlinear regression: public domain, https://www.itl.nist.gov/div898/strd."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

FOLDER = Path(__file__).parent / "nist"

GAUSS = "b1*exp(-b2*x) + b3*exp(-(x - b4)^2/b5^2) + b6*exp(-(x - b7)^2/b8^2)"
LANCZOS = "b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x)"
CUBICS = "(b1 + b2*x + b3*x^2 + b4*x^3)/(1 + b5*x + b6*x^2 + b7*x^3)"

FORMULAS = {
    "Bennett5": "b1*(b2 + x)^(-1/b3)",
    "BoxBOD": "b1*(1 - exp(-b2*x))",
    "Chwirut1": "exp(-b1*x)/(b2 + b3*x)",
    "Chwirut2": "exp(-b1*x)/(b2 + b3*x)",
    "DanWood": "b1*x^b2",
    "ENSO": "b1 + b2*cos(2*pi*x/12) + b3*sin(2*pi*x/12) + b5*cos(2*pi*x/b4) + b6*sin(2*pi*x/b4) "
    "+ b8*cos(2*pi*x/b7) + b9*sin(2*pi*x/b7)",
    "Eckerle4": "(b1/b2)*exp(-0.5*((x - b3)/b2)^2)",
    "Gauss1": GAUSS,
    "Gauss2": GAUSS,
    "Gauss3": GAUSS,
    "Hahn1": CUBICS,
    "Kirby2": "(b1 + b2*x + b3*x^2)/(1 + b4*x + b5*x^2)",
    "Lanczos1": LANCZOS,
    "Lanczos2": LANCZOS,
    "Lanczos3": LANCZOS,
    "MGH09": "b1*(x^2 + x*b2)/(x^2 + x*b3 + b4)",
    "MGH10": "b1*exp(b2/(x + b3))",
    "MGH17": "b1 + b2*exp(-x*b4) + b3*exp(-x*b5)",
    "Misra1a": "b1*(1 - exp(-b2*x))",
    "Misra1b": "b1*(1 - (1 + b2*x/2)^(-2))",
    "Misra1c": "b1*(1 - (1 + 2*b2*x)^(-0.5))",
    "Misra1d": "b1*b2*x*(1 + b2*x)^(-1)",
    "Nelson": "b1 - b2*x1*exp(-b3*x2)",
    "Rat42": "b1/(1 + exp(b2 - b3*x))",
    "Rat43": "b1/(1 + exp(b2 - b3*x))^(1/b4)",
    "Roszman1": "b1 - b2*x - atan(b3/(x - b4))/pi",
    "Thurber": CUBICS,
}


class Certified(NamedTuple):
    """A data set: columns, the starts by number, and what is certified."""

    columns: dict
    target: str
    starts: list
    values: dict
    errors: dict
    sum_of_squares: float
    residual: float


def read(name):
    """One of the data sets."""
    lines = (FOLDER / f"{name}.dat").read_text().splitlines()
    found = [re.match(r"\s*(b\d+)\s*=\s*(.*)", line) for line in lines]
    parameters = {match[1]: [float(number) for number in match[2].split()] for match in found if match}
    said = {line.split(":")[0].strip(): line.split(":")[1] for line in lines if line.count(":") == 1}
    begin = max(place for place, line in enumerate(lines) if line.startswith("Data:"))
    heads = lines[begin].split()[1:]
    table = np.array([[float(cell) for cell in line.split()] for line in lines[begin + 1 :] if line.strip()])
    return Certified(
        dict(zip(heads, table.T, strict=True)),
        "log(y)" if name == "Nelson" else "y",
        [{key: numbers[place] for key, numbers in parameters.items()} for place in (0, 1)],
        {key: numbers[2] for key, numbers in parameters.items()},
        {key: numbers[3] for key, numbers in parameters.items()},
        float(said["Residual Sum of Squares"]),
        float(said["Residual Standard Deviation"]),
    )


def digits(found, certified):
    """How many digits two mappings have in common, in their worst number."""
    return min(-np.log10(max(abs(found[key] - value) / abs(value), 1e-16)) for key, value in certified.items())
