"""The tables of the papers that launch.reproduce makes, and their data sets."""

from typing import Dict, List

from tfrobust.errors import InputError
from tfrobust.report import paper_rows


def tables() -> Dict[str, List[str]]:
    """ "PAPER TABLE" -> data sets."""
    out: Dict[str, List[str]] = {}
    for row in paper_rows():
        if row.table != "text" and row.dataset:
            datasets = out.setdefault(f"{row.paper} {row.table}", [])
            datasets += [row.dataset] * (row.dataset not in datasets)
    return out


def datasets_of(fv) -> List[str]:
    """The data sets that the flags ask for; raises InputError where there is no such table of it."""
    known = tables().get(f"{fv.paper} {fv.table}")
    if not known:
        names = ", ".join(name.split()[1] for name in tables() if name.startswith(f"{fv.paper} "))
        raise InputError(f"--table={fv.table}: {fv.paper} has {names}")
    if fv.dataset and fv.dataset not in known:
        raise InputError(f"--dataset={fv.dataset}: table {fv.table} of {fv.paper} has {', '.join(known)}")
    if fv.source and not fv.dataset and len(known) > 1:
        raise InputError(f"--source needs --dataset, one of {', '.join(known)}")
    return [fv.dataset] if fv.dataset else known
