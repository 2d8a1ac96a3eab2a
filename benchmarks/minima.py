"""Problems for minimisers: formulas, the standard start of each, and the values of its known minima.

MGH holds the functions of J. J. Moré, B. S. Garbow and K. E. Hillstrom, Testing unconstrained optimization software,
ACM TOMS 7 (1981), written from the paper; OTHERS is written from the descriptions in the CUTE collection (I. Bongartz,
A. R. Conn, N. I. M. Gould and Ph. L. Toint, ACM TOMS 21, 1995) and in textbooks. Sizes are small. Where no value is
given, the best one that any method finds counts.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Problem(NamedTuple):
    """A formula, where to start, the values of known minima (the best one first), bounds, and who describes it."""

    text: str
    start: dict[str, Any]
    minima: tuple[float, ...] = ()
    bounds: dict[str, Any] = {}  # noqa: RUF012
    source: str = "CUTE"


def even(count: int) -> list[float]:
    """Places between 0 and 1, at the same distances."""
    return [place / (count + 1) for place in range(1, count + 1)]


MGH: dict[str, Problem] = {
    "rosenbrock": Problem(
        "100*(y - x^2)^2 + (1 - x)^2",
        {"x": -1.2, "y": 1},
        (0,),
    ),
    "freudenstein_roth": Problem(
        "(-13 + x + ((5-y)*y - 2)*y)^2 + (-29 + x + ((y+1)*y - 14)*y)^2",
        {"x": 0.5, "y": -2},
        (0, 48.984253679),
    ),
    "powell_badly_scaled": Problem(
        "(1e4*x*y - 1)^2 + (exp(-x) + exp(-y) - 1.0001)^2",
        {"x": 0, "y": 1},
        (0,),
    ),
    "brown_badly_scaled": Problem(
        "(x - 1e6)^2 + (y - 2e-6)^2 + (x*y - 2)^2",
        {"x": 1, "y": 1},
        (0,),
    ),
    "beale": Problem(
        "(1.5 - x*(1-y))^2 + (2.25 - x*(1-y^2))^2 + (2.625 - x*(1-y^3))^2",
        {"x": 1, "y": 1},
        (0,),
    ),
    "jennrich_sampson": Problem(
        "sum((2 + 2*i - (exp(i*x) + exp(i*y)))^2 for i in range(1, 11))",
        {"x": 0.3, "y": 0.4},
        (124.36218236, 259.58019),
    ),
    "helical_valley": Problem(
        "theta = atan(y/x)/(2*pi) if x > 0 else atan(y/x)/(2*pi) + 0.5; "
        "100*((z - 10*theta)^2 + (sqrt(x^2 + y^2) - 1)^2) + z^2",
        {"x": -1, "y": 0, "z": 0},
        (0,),
    ),
    "bard": Problem(
        "y = [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.1, "
        "4.39]; sum((y[i] - (a + (i+1)/((15-i)*b + min(i+1, 15-i)*c)))^2 for i in range(15))",
        {"a": 1, "b": 1, "c": 1},
        (0.00821487730657898, 17.428692),
    ),
    "gaussian": Problem(
        "y=[0.0009, 0.0044, 0.0175, 0.054, 0.1295, 0.242, 0.3521, 0.3989, 0.3521, 0.242, 0.1295, "
        "0.054, 0.0175, 0.0044, 0.0009]; sum((a*exp(-b*((8-(i+1))/2 - c)^2/2) - y[i])^2 for i in "
        "range(15))",
        {"a": 0.4, "b": 1, "c": 0},
        (1.12793276961912e-08,),
    ),
    "meyer": Problem(
        "y=[34780.0, 28610.0, 23650.0, 19630.0, 16370.0, 13720.0, 11540.0, 9744.0, 8261.0, 7030.0, "
        "6005.0, 5147.0, 4427.0, 3820.0, 3307.0, 2872.0]; sum((a*exp(b/(45+5*(i+1)+c)) - y[i])^2 for"
        " i in range(16))",
        {"a": 0.02, "b": 4000, "c": 250},
        (87.9458551709,),
    ),
    "gulf": Problem(
        "t = [(i+1)/100 for i in range(99)]; y = 25 + (-50*log(t))^(2/3); sum((exp(-abs(y - b)^c/a) - t)^2)",
        {"a": 5, "b": 2.5, "c": 0.15},
        (0, 0.038, 0.038),
    ),
    "box3d": Problem(
        "sum((exp(-0.1*i*x) - exp(-0.1*i*y) - z*(exp(-0.1*i) - exp(-i)))^2 for i in range(1, 11))",
        {"x": 0, "y": 10, "z": 20},
        (0,),
    ),
    "powell_singular": Problem(
        "(a + 10*b)^2 + 5*(c - d)^2 + (b - 2*c)^4 + 10*(a - d)^4",
        {"a": 3, "b": -1, "c": 0, "d": 1},
        (0,),
    ),
    "wood": Problem(
        "100*(b - a^2)^2 + (1-a)^2 + 90*(d - c^2)^2 + (1-c)^2 + 10*(b + d - 2)^2 + (b - d)^2/10",
        {"a": -3, "b": -1, "c": -3, "d": -1},
        (0, 7.8769658),
    ),
    "kowalik_osborne": Problem(
        "y=[0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246]; "
        "u=[4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625]; sum((y - a*(u^2 + "
        "u*b)/(u^2 + u*c + d))^2)",
        {"a": 0.25, "b": 0.39, "c": 0.415, "d": 0.39},
        (0.000307505603849, 0.00102734),
    ),
    "brown_dennis": Problem(
        "sum(((a + t/5*b - exp(t/5))^2 + (c + d*sin(t/5) - cos(t/5))^2)^2 for t in range(1, 21))",
        {"a": 25, "b": 5, "c": -5, "d": -1},
        (85822.2016263563,),
    ),
    "osborne1": Problem(
        "y=[0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.85, 0.818, 0.784, 0.751, 0.718, "
        "0.685, 0.658, 0.628, 0.603, 0.58, 0.558, 0.538, 0.522, 0.506, 0.49, 0.478, 0.467, 0.457, "
        "0.448, 0.438, 0.431, 0.424, 0.42, 0.414, 0.411, 0.406]; t = 10*range(33); sum((y - (a + "
        "b*exp(-t*d) + c*exp(-t*f)))^2)",
        {"a": 0.5, "b": 1.5, "c": -1, "d": 0.01, "f": 0.02},
        (5.46489469748e-05, 1.10603621875, 2.1319),
    ),
    "biggs_exp6": Problem(
        "t = [0.1*(i+1) for i in range(13)]; y = exp(-t) - 5*exp(-10*t) + 3*exp(-4*t); "
        "sum((c*exp(-t*a) - d*exp(-t*b) + g*exp(-t*f) - y)^2)",
        {"a": 1, "b": 2, "c": 1, "d": 1, "f": 1, "g": 1},
        (0, 0.0056556499255, 0.30636677262479),
    ),
    "osborne2": Problem(
        "y=[1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, "
        "0.608, 0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, "
        "0.661, 0.612, 0.558, 0.533, 0.495, 0.5, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, "
        "0.428, 0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591, "
        "0.559, 0.597, 0.625, 0.739, 0.71, 0.729, 0.72, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, "
        "0.054]; t = range(65)/10; sum((y - (x[0]*exp(-t*x[4]) + x[1]*exp(-(t-x[8])^2*x[5]) + "
        "x[2]*exp(-(t-x[9])^2*x[6]) + x[3]*exp(-(t-x[10])^2*x[7])))^2)",
        {"x": [1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5]},
        (0.0401377362935477, 1.78980905),
    ),
    "watson6": Problem(
        "sum((sum(j*x[j]*(i/29)^(j-1) for j in range(1,6)) - sum(x[j]*(i/29)^j for j in range(6))^2 "
        "- 1)^2 for i in range(1,30)) + x[0]^2 + (x[1] - x[0]^2 - 1)^2",
        {"x": [0.0] * 6},
        (0.00228767005355,),
    ),
    "watson9": Problem(
        "sum((sum(j*x[j]*(i/29)^(j-1) for j in range(1,9)) - sum(x[j]*(i/29)^j for j in range(9))^2 "
        "- 1)^2 for i in range(1,30)) + x[0]^2 + (x[1] - x[0]^2 - 1)^2",
        {"x": [0.0] * 9},
        (1.39976013e-06,),
    ),
    "watson12": Problem(
        "sum((sum(j*x[j]*(i/29)^(j-1) for j in range(1,12)) - sum(x[j]*(i/29)^j for j in "
        "range(12))^2 - 1)^2 for i in range(1,30)) + x[0]^2 + (x[1] - x[0]^2 - 1)^2",
        {"x": [0.0] * 12},
        (4.72238e-10,),
    ),
    "ext_rosenbrock20": Problem(
        "sum(100*(x[2*i+1] - x[2*i]^2)^2 + (1 - x[2*i])^2 for i in range(10))",
        {"x": [-1.2, 1.0] * 10},
        (0,),
    ),
    "ext_powell20": Problem(
        "sum((x[4*i] + 10*x[4*i+1])^2 + 5*(x[4*i+2] - x[4*i+3])^2 + (x[4*i+1] - 2*x[4*i+2])^4 + "
        "10*(x[4*i] - x[4*i+3])^4 for i in range(5))",
        {"x": [3.0, -1.0, 0.0, 1.0] * 5},
        (0,),
    ),
    "penalty1_4": Problem(
        "1e-5*sum((x - 1)^2) + (sum(x^2) - 0.25)^2",
        {"x": [1.0, 2.0, 3.0, 4.0]},
        (2.24997750089e-05,),
    ),
    "penalty1_10": Problem(
        "1e-5*sum((x - 1)^2) + (sum(x^2) - 0.25)^2",
        {"x": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]},
        (7.08765146709e-05,),
    ),
    "penalty2_4": Problem(
        "(x[0]-0.2)^2 + 1e-5*sum((exp(x[i]/10) + exp(x[i-1]/10) - (exp((i+1)/10) + exp(i/10)))^2 for"
        " i in range(1,4)) + 1e-5*sum((exp(x[i]/10) - exp(-1/10))^2 for i in range(1,4)) + "
        "(sum((4-i)*x[i]^2 for i in range(4)) - 1)^2",
        {"x": [0.5] * 4},
        (9.37629300735e-06,),
    ),
    "penalty2_10": Problem(
        "(x[0]-0.2)^2 + 1e-5*sum((exp(x[i]/10) + exp(x[i-1]/10) - (exp((i+1)/10) + exp(i/10)))^2 for"
        " i in range(1,10)) + 1e-5*sum((exp(x[i]/10) - exp(-1/10))^2 for i in range(1,10)) + "
        "(sum((10-i)*x[i]^2 for i in range(10)) - 1)^2",
        {"x": [0.5] * 10},
        (0.000293660537456,),
    ),
    "vardim10": Problem(
        "s = sum((i+1)*(x[i]-1) for i in range(10)); sum((x-1)^2) + s^2 + s^4",
        {"x": [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.30000000000000004, 0.19999999999999996, 0.09999999999999998, 0.0]},
        (0,),
    ),
    "trigonometric10": Problem(
        "s = sum(cos(x)); sum((10 - s + (i+1)*(1 - cos(x[i])) - sin(x[i]))^2 for i in range(10))",
        {"x": [0.1] * 10},
        (0, 2.79506e-05),
    ),
    "brown_almost_linear10": Problem(
        "s = sum(x); sum((x[i] + s - 11)^2 for i in range(9)) + (prod(x) - 1)^2",
        {"x": [0.5] * 10},
        (0, 1),
    ),
    "disc_boundary10": Problem(
        "h = 1/11; v(i) = 0 if i < 0 or i > 9 else x[clip(i,0,9)]; sum((2*x[i] - (x[i-1] if i > 0 "
        "else 0) - (x[(i+1) % 10] if i < 9 else 0) + h^2*(x[i] + h*(i+1) + 1)^3/2)^2 for i in "
        "range(10))",
        {"x": [place * (place - 1) for place in even(10)]},
        (0,),
    ),
    "disc_integral10": Problem(
        "h = 1/11; q(j) = (x[j] + h*(j+1) + 1)^3; sum((x[i] + h*((1-h*(i+1))*sum(h*(j+1)*q(j) for j "
        "in range(i+1)) + h*(i+1)*sum((1-h*(j+1))*q(j) if j > i else 0 for j in range(10)))/2)^2 for"
        " i in range(10))",
        {"x": [place * (place - 1) for place in even(10)]},
        (0,),
    ),
    "broyden_tri10": Problem(
        "sum(((3-2*x[i])*x[i] - (x[i-1] if i > 0 else 0) - 2*(x[(i+1)%10] if i < 9 else 0) + 1)^2 for i in range(10))",
        {"x": [-1.0] * 10},
        (0,),
    ),
    "broyden_band10": Problem(
        "sum((x[i]*(2+5*x[i]^2) + 1 - sum(x[j]*(1+x[j]) if (j != i and j >= i-5 and j <= i+1) else 0"
        " for j in range(10)))^2 for i in range(10))",
        {"x": [-1.0] * 10},
        (0,),
    ),
    "linear_full": Problem(
        "sum((x[i] - 2/20*sum(x) - 1 if i < 10 else -2/20*sum(x) - 1)^2 for i in range(10)) + 10*(2/20*sum(x)+1)^2",
        {"x": [1.0] * 10},
        (10,),
    ),
    "linear_rank1": Problem(
        "s = sum((j+1)*x[j] for j in range(10)); sum(((i+1)*s - 1)^2 for i in range(20))",
        {"x": [1.0] * 10},
        (4.6341463414,),
    ),
    "linear_rank1_zero": Problem(
        "s = sum((j+1)*x[j] for j in range(1,9)); 2 + sum(((i)*s - 1)^2 for i in range(1,19))",
        {"x": [1.0] * 10},
        (6.1351351351,),
    ),
    "chebyquad7": Problem(
        "T1 = 2*x - 1; T2 = 2*(2*x-1)*T1 - 1; T3 = 2*(2*x-1)*T2 - T1; T4 = 2*(2*x-1)*T3 - T2; T5 = "
        "2*(2*x-1)*T4 - T3; T6 = 2*(2*x-1)*T5 - T4; T7 = 2*(2*x-1)*T6 - T5; (mean(T1) - (0))^2 + "
        "(mean(T2) - (-0.3333333333333333))^2 + (mean(T3) - (0))^2 + (mean(T4) - "
        "(-0.06666666666666667))^2 + (mean(T5) - (0))^2 + (mean(T6) - (-0.02857142857142857))^2 + "
        "(mean(T7) - (0))^2",
        {"x": [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]},
        (0,),
    ),
    "chebyquad8": Problem(
        "T1 = 2*x - 1; T2 = 2*(2*x-1)*T1 - 1; T3 = 2*(2*x-1)*T2 - T1; T4 = 2*(2*x-1)*T3 - T2; T5 = "
        "2*(2*x-1)*T4 - T3; T6 = 2*(2*x-1)*T5 - T4; T7 = 2*(2*x-1)*T6 - T5; T8 = 2*(2*x-1)*T7 - T6; "
        "(mean(T1) - (0))^2 + (mean(T2) - (-0.3333333333333333))^2 + (mean(T3) - (0))^2 + (mean(T4) "
        "- (-0.06666666666666667))^2 + (mean(T5) - (0))^2 + (mean(T6) - (-0.02857142857142857))^2 + "
        "(mean(T7) - (0))^2 + (mean(T8) - (-0.015873015873015872))^2",
        {"x": even(8)},
        (0.00351687372568,),
    ),
    "chebyquad9": Problem(
        "T1 = 2*x - 1; T2 = 2*(2*x-1)*T1 - 1; T3 = 2*(2*x-1)*T2 - T1; T4 = 2*(2*x-1)*T3 - T2; T5 = "
        "2*(2*x-1)*T4 - T3; T6 = 2*(2*x-1)*T5 - T4; T7 = 2*(2*x-1)*T6 - T5; T8 = 2*(2*x-1)*T7 - T6; "
        "T9 = 2*(2*x-1)*T8 - T7; (mean(T1) - (0))^2 + (mean(T2) - (-0.3333333333333333))^2 + "
        "(mean(T3) - (0))^2 + (mean(T4) - (-0.06666666666666667))^2 + (mean(T5) - (0))^2 + (mean(T6)"
        " - (-0.02857142857142857))^2 + (mean(T7) - (0))^2 + (mean(T8) - (-0.015873015873015872))^2 "
        "+ (mean(T9) - (0))^2",
        {"x": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]},
        (0,),
    ),
    "chebyquad10": Problem(
        "T1 = 2*x - 1; T2 = 2*(2*x-1)*T1 - 1; T3 = 2*(2*x-1)*T2 - T1; T4 = 2*(2*x-1)*T3 - T2; T5 = "
        "2*(2*x-1)*T4 - T3; T6 = 2*(2*x-1)*T5 - T4; T7 = 2*(2*x-1)*T6 - T5; T8 = 2*(2*x-1)*T7 - T6; "
        "T9 = 2*(2*x-1)*T8 - T7; T10 = 2*(2*x-1)*T9 - T8; (mean(T1) - (0))^2 + (mean(T2) - "
        "(-0.3333333333333333))^2 + (mean(T3) - (0))^2 + (mean(T4) - (-0.06666666666666667))^2 + "
        "(mean(T5) - (0))^2 + (mean(T6) - (-0.02857142857142857))^2 + (mean(T7) - (0))^2 + (mean(T8)"
        " - (-0.015873015873015872))^2 + (mean(T9) - (0))^2 + (mean(T10) - "
        "(-0.010101010101010102))^2",
        {"x": even(10)},
        (0.00650395480027, 0.00477271369638),
    ),
}

OTHERS: dict[str, Problem] = {
    "arwhead": Problem(
        "sum((x[:-1]^2 + x[-1]^2)^2 - 4*x[:-1] + 3)",
        {"x": [1.0] * 20},
        (0,),
    ),
    "bdqrtic": Problem(
        "sum((-4*x[i]+3)^2 + (x[i]^2 + 2*x[i+1]^2 + 3*x[i+2]^2 + 4*x[i+3]^2 + 5*x[-1]^2)^2 for i in range(16))",
        {"x": [1.0] * 20},
        (),
    ),
    "chnrosnb": Problem(
        "sum((x[i-1]-x[i]^2)^2*16*(1.5+sin(i+1))^2 for i in range(1,20)) + sum((x[1:]-1)^2)",
        {"x": [-1.0] * 20},
        (0,),
    ),
    "cliff": Problem(
        "((x-3)/100)^2 - (x - y) + exp(20*(x - y))",
        {"x": 0, "y": -1},
        (0.199786613,),
    ),
    "cosine": Problem(
        "sum(cos(x[:-1]^2 - x[1:]/2))",
        {"x": [1.0] * 20},
        (-19,),
    ),
    "cragglvy": Problem(
        "sum((exp(x[2*i]) - x[2*i+1])^4 + 100*(x[2*i+1]-x[2*i+2])^6 + (tan(x[2*i+2]-x[2*i+3]) + "
        "x[2*i+2] - x[2*i+3])^4 + x[2*i]^8 + (x[2*i+3]-1)^2 for i in range(9))",
        {"x": [1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]},
        (),
    ),
    "dixmaana": Problem(
        "m=5; 1 + sum(x^2) + sum(x[i]^2*x[i+10]^4*0.125 for i in range(5)) + "
        "sum(0.125*x[i]^2*(x[(i+1)%15]+x[(i+1)%15]^2)^2 for i in range(14)) + 0.125*sum(x[i]*x[i+10]"
        " for i in range(5))",
        {"x": [2.0] * 15},
        (1,),
    ),
    "dqdrtic": Problem(
        "sum(x[i]^2 + 100*x[i+1]^2 + 100*x[i+2]^2 for i in range(18))",
        {"x": [3.0] * 20},
        (0,),
    ),
    "dqrtic": Problem(
        "sum((x[i] - (i+1))^4 for i in range(20))",
        {"x": [2.0] * 20},
        (0,),
    ),
    "edensch": Problem(
        "16 + sum((x[i]-2)^4 + (x[i]*x[i+1] - 2*x[i+1])^2 + (x[i+1]+1)^2 for i in range(19))",
        {"x": [8.0] * 20},
        (),
    ),
    "eg2": Problem(
        "sum(sin(x[0] + x[:-1]^2 - 1)) + sin(x[-1]^2)/2",
        {"x": [0.0] * 20},
        (-19.5,),
    ),
    "engval1": Problem(
        "sum((x[:-1]^2 + x[1:]^2)^2 - 4*x[:-1] + 3)",
        {"x": [2.0] * 20},
        (),
    ),
    "errinros": Problem(
        "sum((x[i-1]-16*1.5^2*x[i]^2)^2 for i in range(1,20)) + sum((x[1:]-1)^2)",
        {"x": [-1.0] * 20},
        (),
    ),
    "extrosnb": Problem(
        "100*sum((x[1:] - x[:-1]^2)^2) + (1-x[0])^2",
        {"x": [-1.0] * 20},
        (0,),
    ),
    "fletchcr": Problem(
        "100*sum((x[1:] - x[:-1] + 1 - x[:-1]^2)^2)",
        {"x": [0.0] * 20},
        (0,),
    ),
    "fletcbv2": Problem(
        "h = 1/21; x[0]^2/2 + sum((x[1:]-x[:-1])^2)/2 + x[-1]^2/2 - h^2*sum(2*x + cos(x)) - x[-1]",
        {"x": even(20)},
        (),
    ),
    "freuroth20": Problem(
        "sum(((5-x[i+1])*x[i+1]^2 + x[i] - 2*x[i+1] - 13)^2 + ((1+x[i+1])*x[i+1]^2 + x[i] - "
        "14*x[i+1] - 29)^2 for i in range(19))",
        {"x": [0.5, -2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]},
        (),
    ),
    "genhumps": Problem(
        "z = 20; sum((sin(z*x[i])*sin(z*x[i+1]))^2 + 0.05*(x[i]^2+x[i+1]^2) for i in range(4))",
        {"x": [-506.0, -506.2, -506.2, -506.2, -506.2]},
        (0,),
    ),
    "genrose": Problem(
        "1 + 100*sum((x[1:]-x[:-1]^2)^2) + sum((x[:-1]-1)^2)",
        {"x": even(20)},
        (1,),
    ),
    "himmelbg": Problem(
        "(2*x^2 + 3*y^2)*exp(-x - y)",
        {"x": 0.5, "y": 0.5},
        (0,),
    ),
    "himmelbh": Problem(
        "-3*x - 2*y + 2 + x^3 + y^2",
        {"x": 0, "y": 2},
        (-1,),
    ),
    "himmelblau": Problem(
        "(x^2+y-11)^2 + (x+y^2-7)^2",
        {"x": 0, "y": 0},
        (0,),
    ),
    "humps": Problem(
        "0.05*(x^2+y^2) + (sin(20*x)*sin(20*y))^2",
        {"x": -506, "y": -506.2},
        (0,),
    ),
    "liarwhd": Problem(
        "sum(4*(x^2 - x[0])^2 + (x-1)^2)",
        {"x": [4.0] * 20},
        (0,),
    ),
    "loghairy": Problem(
        "log((100 + 30*sin(7*x)^2*cos(7*y)^2 + 100*sqrt(0.01+(x-y)^2) + 100*sqrt(0.01+x^2))/100)",
        {"x": -500, "y": -700},
        (0.1823215568,),
    ),
    "maratosb": Problem(
        "x + 1e6*(x^2+y^2-1)^2",
        {"x": 1.1, "y": 0.1},
        (-1.00000006,),
    ),
    "mexhat": Problem(
        "-2*(x-1)^2 + 1e4*(-0.02 + (y - x^2)^2/1e4 + (x-1)^2)^2",
        {"x": 0.86, "y": 0.72},
        (-0.0401,),
    ),
    "nondia": Problem(
        "(x[0]-1)^2 + 100*sum((x[0]-x[:-1]^2)^2)",
        {"x": [-1.0] * 20},
        (),
    ),
    "nondquar": Problem(
        "(x[0]-x[1])^2 + (x[-2]+x[-1])^2 + sum((x[:-2]+x[1:-1]+x[-1])^4)",
        {"x": [1.0, -1.0] * 10},
        (0,),
    ),
    "power": Problem(
        "sum(((i+1)*x[i])^2 for i in range(20))^2",
        {"x": [1.0] * 20},
        (0,),
    ),
    "quartc": Problem(
        "sum((x[i]-(i+1))^4 for i in range(20))",
        {"x": [2.0] * 20},
        (0,),
    ),
    "schmvett": Problem(
        "sum(-1/(1+(x[:-2]-x[1:-1])^2) - sin((pi*x[1:-1]+x[2:])/2) - exp(-((x[:-2]+x[2:])/x[1:-1] - 2)^2))",
        {"x": [0.5] * 20},
        (-54,),
    ),
    "sinquad": Problem(
        "(x[0]-1)^4 + sum((sin(x[1:-1]-x[-1]) - x[0]^2 + x[1:-1]^2)^2) + (x[-1]^2-x[0]^2)^2",
        {"x": [0.1] * 20},
        (),
    ),
    "sisser": Problem(
        "3*x^4 - 2*(x*y)^2 + 3*y^4",
        {"x": 1, "y": 0.1},
        (0,),
    ),
    "snail": Problem(
        "t = atan2(y, x); d = sqrt(x^2+y^2); d/(1+d)*(1 + 9*(1 - cos(d - t)))",
        {"x": 10, "y": 10},
        (0,),
    ),
    "sparsine": Problem(
        "sum(0.5*(i+1)*(sin(x[i]) + sin(x[(2*i+1)%20]) + sin(x[(3*i+2)%20]))^2 for i in range(20))",
        {"x": [0.5] * 20},
        (0,),
    ),
    "srosenbr": Problem(
        "sum(100*(x[2*i+1]-x[2*i]^2)^2 + (x[2*i]-1)^2 for i in range(10))",
        {"x": [1.2, 1.0] * 10},
        (0,),
    ),
    "tointgss": Problem(
        "sum((10/20 + x[2:]^2)*(2 - exp(-(x[:-2]-x[1:-1])^2/(0.1+x[2:]^2))))",
        {"x": [3.0] * 20},
        (),
    ),
    "tquartic": Problem(
        "(x[0]-1)^2 + sum((x[0]^2-x[1:]^2)^2)",
        {"x": [0.1] * 20},
        (0,),
    ),
    "tridia": Problem(
        "(x[0]-1)^2 + sum((i+1)*(2*x[i]-x[i-1])^2 for i in range(1,20))",
        {"x": [1.0] * 20},
        (0,),
    ),
    "zangwil2": Problem(
        "(-56*x - 256*y + 991 + 16*x^2 + 16*y^2 - 8*x*y)/15",
        {"x": 3, "y": 8},
        (-18.2,),
    ),
    "allinitu": Problem(
        "x[2] - 1 + x[0]^2 + x[1]^2 + (x[2]+x[3])^2 + sin(x[2])^2 + x[0]^2*x[1]^2 + x[3] - 3 + "
        "sin(x[2])^2 + (x[3]-1)^2 + x[1]^4 + (x[2]^2 + (x[3]+x[0])^2)^2 + "
        "(x[0]-4+sin(x[3])^2+x[1]^2*x[2]^2)^2 + sin(x[3])^4",
        {"x": [0.0] * 4},
        (),
    ),
    "denschna": Problem(
        "x^4 + (x+y)^2 + (-1+exp(y))^2",
        {"x": 1, "y": 1},
        (0,),
    ),
    "denschnb": Problem(
        "(x-2)^2 + ((x-2)*y)^2 + (y+1)^2",
        {"x": 1, "y": 1},
        (0,),
    ),
    "denschnc": Problem(
        "(-2+x^2+y^2)^2 + (-2+exp(x-1)+y^3)^2",
        {"x": 2, "y": 3},
        (0,),
    ),
    "denschnd": Problem(
        "(x^2+y^3-z^4)^2 + (2*x*y*z)^2 + (2*x*y-3*y*z+x*z)^2",
        {"x": 10, "y": 10, "z": 10},
        (0,),
    ),
    "denschne": Problem(
        "x^2 + (y+y^2)^2 + (-1+exp(z))^2",
        {"x": 2, "y": 3, "z": -8},
        (0, 1),
    ),
    "denschnf": Problem(
        "(2*(x+y)^2+(x-y)^2-8)^2 + (5*x^2+(y-3)^2-9)^2",
        {"x": 2, "y": 0},
        (0,),
    ),
    "engval2": Problem(
        "(x^2+y^2+z^2-1)^2 + (x^2+y^2+(z-2)^2-1)^2 + (x+y+z-1)^2 + (x+y-z+1)^2 + (3*y^2+x^3+(5*z-x+1)^2-36)^2",
        {"x": 1, "y": 2, "z": 0},
        (0,),
    ),
    "growthls": Problem(
        "t = [8,9,10,11,12,13,14,15,16,18,20,25]; y=[8.0, 8.4305, 9.5294, 10.4627, 12.0, 13.0205, "
        "14.5949, 16.1078, 18.0596, 20.4569, 24.25, 32.9863]; sum((a*t^(b+log(t)*c) - y)^2)",
        {"a": 100, "b": 0, "c": 0},
        (1.00404058, 12.4523),
    ),
    "hilberta": Problem(
        "sum(sum(x[i]*x[j]/(i+j+1) for j in range(6)) for i in range(6))",
        {"x": [-4.0, -2.0, -1.3333333333333333, -1.0, -0.8, -0.6666666666666666]},
        (0,),
    ),
    "hilbertb": Problem(
        "sum(sum(x[i]*x[j]/(i+j+1) for j in range(10)) for i in range(10)) + 2.5*sum(x^2)",
        {"x": [-3.0] * 10},
        (0,),
    ),
    "brkmcc": Problem(
        "(x-2)^2 + (y-1)^2 + (1/(1 - x^2/4 - y^2))/25 + 5*(x - 2*y + 1)^2",
        {"x": 2, "y": 2},
        (0.169042679,),
    ),
    "s308": Problem(
        "(x^2+x*y+y^2)^2 + sin(x)^2 + cos(y)^2",
        {"x": 3, "y": 0.1},
        (0.773199,),
    ),
    "rosenbr_cube": Problem(
        "100*(y - x^3)^2 + (1-x)^2",
        {"x": -1.2, "y": 1},
        (0,),
    ),
    "wayburn1": Problem(
        "(x^6+y^4-17)^2 + (2*x+y-4)^2",
        {"x": 3, "y": 3},
        (0,),
    ),
    "goldstein_price": Problem(
        "(1+(x+y+1)^2*(19-14*x+3*x^2-14*y+6*x*y+3*y^2))*(30+(2*x-3*y)^2*(18-32*x+12*x^2+48*y-36*x*y+27*y^2))",
        {"x": -0.4, "y": -0.6},
        (3, 30, 84, 840),
    ),
    "camel3": Problem(
        "2*x^2 - 1.05*x^4 + x^6/6 + x*y + y^2",
        {"x": -1, "y": 2},
        (0, 0.298638),
    ),
    "camel6": Problem(
        "(4-2.1*x^2+x^4/3)*x^2 + x*y + (-4+4*y^2)*y^2",
        {"x": -1, "y": 2},
        (-1.0316285, -0.2154638, 2.10425),
    ),
    "booth": Problem(
        "(x+2*y-7)^2 + (2*x+y-5)^2",
        {"x": 0, "y": 0},
        (0,),
    ),
    "matyas": Problem(
        "0.26*(x^2+y^2) - 0.48*x*y",
        {"x": 5, "y": -3},
        (0,),
    ),
    "branin": Problem(
        "(y - 5.1/(4*pi^2)*x^2 + 5/pi*x - 6)^2 + 10*(1-1/(8*pi))*cos(x) + 10",
        {"x": 2, "y": 2},
        (0.397887357,),
    ),
    "mccormick": Problem(
        "sin(x+y) + (x-y)^2 - 1.5*x + 2.5*y + 1",
        {"x": 0, "y": 0},
        (-1.9132229,),
    ),
    "trecanni": Problem(
        "x^4+4*x^3+4*x^2+y^2",
        {"x": -1, "y": 0.5},
        (0,),
    ),
    "colville": Problem(
        "100*(a^2-b)^2+(a-1)^2+(c-1)^2+90*(c^2-d)^2+10.1*((b-1)^2+(d-1)^2)+19.8*(b-1)*(d-1)",
        {"a": -3, "b": -1, "c": -3, "d": -1},
        (0,),
    ),
    "logistic_nll": Problem(
        "X = [-2,-1.5,-1,-.5,0,.5,1,1.5,2]; Y=[0,0,0,1,0,1,0,1,1]; sum(softplus(a + b*X) - Y*(a+b*X))",
        {"a": 0, "b": 0},
        (),
    ),
    "lennard3": Problem(
        "lj(r2) = 4*(1/r2^6 - 1/r2^3); lj(a^2) + lj(b^2 + c^2) + lj((b-a)^2 + c^2)",
        {"a": 1.5, "b": 0.3, "c": 1.7},
        (-3,),
    ),
    "lj_far": Problem(
        "4*((1/r)^12 - (1/r)^6)",
        {"r": 0.5},
        (-1,),
    ),
    "log_barrier": Problem(
        "x + y - log(x) - log(y) - log(1 + x - y/2)",
        {"x": 10, "y": 0.1},
        (),
    ),
    "nll_gamma": Problem(
        "a*log(b) + lgamma(a) - (a-1)*0.5 + 2.1/b",
        {"a": 5, "b": 3},
        (),
    ),
    "quartic_flat": Problem(
        "(x-1)^4 + (y+2)^4 + (x-1)^2*(y+2)^2",
        {"x": 100, "y": -70},
        (0,),
    ),
    "exp_tilt": Problem(
        "exp(x + 3*y - 0.1) + exp(x - 3*y - 0.1) + exp(-x - 0.1)",
        {"x": 10, "y": -7},
        (2.559266696682,),
    ),
    "morebv20": Problem(
        "h=1/21; sum((2*x[i] - (x[i-1] if i > 0 else 0) - (x[(i+1)%20] if i < 19 else 0) + "
        "h^2*(x[i]+h*(i+1)+1)^3/2)^2 for i in range(20))",
        {"x": [place * (place - 1) for place in even(20)]},
        (0,),
    ),
    "brownal_start": Problem(
        "(x*y*z-1)^2 + (2*x+y+z-4)^2 + (x+2*y+z-4)^2",
        {"x": 0.5, "y": 0.5, "z": 0.5},
        (0,),
    ),
}
