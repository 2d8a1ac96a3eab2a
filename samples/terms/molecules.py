"""Molecules from SMILES strings become terms for molecules.cg, with RDKit (pip install rdkit).

    python samples/terms/molecules.py -o samples/terms/molecules.csv

An atom is `atom(element, hydrogens)`, with the element's place in the list below; in each of two rounds it hears
`bond(neighbour, kind)` from its neighbours. All atoms of the last round are added up. Atoms that are told the same have
the same term, and are computed once. What is to be learnt is log P, the logarithm of how a substance divides itself
between octanol and water, as S. A. Wildman & G. M. Crippen estimate it from the kinds of atoms ("Prediction of
physicochemical parameters by atomic contributions", J. Chem. Inf. Comput. Sci. 39, 1999), which is RDKit's `MolLogP`.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ELEMENTS = ("C", "N", "O", "F", "P", "S", "Cl", "Br", "I", "c", "n", "o", "s", "other")
"""Aromatic atoms have small letters, as in SMILES."""

BONDS = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC")
ROUNDS = 2

MOLECULES = (
    "C CC CCC CCCC CCCCC CCCCCC CC(C)C CC(C)(C)C C1CC1 C1CCCC1 C1CCCCC1 C=C CC=C C=CC=C C#C CC#C CO CCO CCCO "
    "CC(C)O CCCCO OCCO OCC(O)CO COC CCOCC C1CCOC1 C1COCCO1 CC=O CCC=O CC(C)=O CCC(C)=O O=C1CCCCC1 C(=O)O "
    "CC(=O)O CCC(=O)O CCCC(=O)O OC(=O)C(=O)O CC(O)C(=O)O COC(C)=O CCOC(C)=O CC(=O)OC(C)=O CN CCN CNC CN(C)C "
    "CCN(CC)CC NCCN C1CCNCC1 C1COCCN1 CC#N C=CC#N C(=O)N CC(N)=O CN(C)C=O NC(N)=O CCl ClCCl ClC(Cl)Cl "
    "ClC(Cl)(Cl)Cl ClCCCl C=CCl CBr CCBr CI FC(F)F FC(F)(F)C CS CSC CS(C)=O CSSC NCC(=O)O CC(N)C(=O)O "
    "CC(C)C(N)C(=O)O OCC(N)C(=O)O SCC(N)C(=O)O CC[N+](=O)[O-] c1ccccc1 Cc1ccccc1 CCc1ccccc1 Cc1ccccc1C "
    "Cc1ccc(C)cc1 C=Cc1ccccc1 Oc1ccccc1 Oc1ccc(O)cc1 COc1ccccc1 O=Cc1ccccc1 OC(=O)c1ccccc1 OC(=O)c1ccccc1O "
    "CC(=O)c1ccccc1 Nc1ccccc1 CN(C)c1ccccc1 CC(=O)Nc1ccccc1 CC(=O)Nc1ccc(O)cc1 Clc1ccccc1 Clc1ccc(Cl)cc1 "
    "Brc1ccccc1 Ic1ccccc1 Fc1ccccc1 O=[N+]([O-])c1ccccc1 N#Cc1ccccc1 c1ccncc1 Cc1ccccn1 c1cncnc1 c1ccoc1 "
    "c1ccsc1 c1cc[nH]c1 c1c[nH]cn1 c1ccc2ccccc2c1 c1ccc2[nH]ccc2c1 c1ccc2ncccc2c1 c1ccc(-c2ccccc2)cc1 "
    "CC(=O)Oc1ccccc1C(=O)O CC(C)Cc1ccc(C(C)C(=O)O)cc1 Cn1cnc2c1c(=O)n(C)c(=O)n2C CN1CCCC1c1cccnc1 "
    "NCCc1ccc(O)c(O)c1 CC(N)Cc1ccccc1 OCC1OC(O)C(O)C(O)C1O CC(C)C1CCC(C)CC1O CC1=CCC(C(C)=C)CC1 "
    "O=C1C=CC(=O)C=C1 COc1cc(C=O)ccc1O NC(=O)c1cccnc1 OC(=O)c1cccnc1 Nc1ccc(S(N)(=O)=O)cc1 "
    "O=c1cc[nH]c(=O)[nH]1 Nc1ncnc2[nH]cnc12 CCOP(=O)(OCC)OCC CCCCCCCC CCCCCCCCO CCCCCCCC(=O)O CCCCCCN"
)  # fmt: skip
"""Common substances, from methane over solvents, amino acids and medicines to caffeine and nicotine."""


def term_of(molecule: Any) -> str:
    """The term of a molecule of RDKit."""
    parts = []
    for atom in molecule.GetAtoms():
        symbol = atom.GetSymbol().lower() if atom.GetIsAromatic() else atom.GetSymbol()
        element = ELEMENTS.index(symbol if symbol in ELEMENTS else "other")
        parts.append(f"a{atom.GetIdx()} = atom({element}, {atom.GetTotalNumHs()})")
    for turn in range(1, ROUNDS + 1):
        before, now = chr(ord("a") + turn - 1), chr(ord("a") + turn)
        for atom in molecule.GetAtoms():
            told = [
                f"bond({before}{each.GetOtherAtomIdx(atom.GetIdx())}, {BONDS.index(each.GetBondType().name)})"
                for each in atom.GetBonds()
            ]
            heard = " + ".join(told) if told else f"0*{before}{atom.GetIdx()}"
            parts.append(f"{now}{atom.GetIdx()} = next({before}{atom.GetIdx()}, {heard})")
    last = chr(ord("a") + ROUNDS)
    return "; ".join([*parts, " + ".join(f"{last}{atom.GetIdx()}" for atom in molecule.GetAtoms())])


def rows(smiles: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of the table. ValueError for a text that is no SMILES string."""
    from rdkit import Chem
    from rdkit.Chem import Crippen

    for text in smiles:
        molecule = Chem.MolFromSmiles(text)
        if molecule is None:
            raise ValueError(f"`{text}` is not a SMILES string")
        yield {"smiles": text, "molecule": term_of(molecule), "logp": f"{Crippen.MolLogP(molecule):.4f}"}


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description="Molecules from SMILES strings become terms.")
    parser.add_argument("smiles", nargs="*", help="those of this file where none are given")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    with given.output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["smiles", "molecule", "logp"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows(given.smiles or MOLECULES.split()))


if __name__ == "__main__":
    main()
