"""The tables of the papers that can be reproduced, and their data sets."""

from typing import Dict, List, Optional

from tfrobust.errors import InputError
from tfrobust.papers.reported import paper_rows


def tables() -> Dict[str, List[str]]:
    """ "PAPER TABLE" -> data sets."""
    out: Dict[str, List[str]] = {}
    for row in paper_rows():
        if row.table != "text" and row.dataset:
            datasets = out.setdefault(f"{row.paper} {row.table}", [])
            datasets += [row.dataset] * (row.dataset not in datasets)
    return out


def datasets_of(paper: str, table: str, dataset: Optional[str] = None, source: Optional[str] = None) -> List[str]:
    """The data sets of a table, or the one that is asked for; raises InputError where there is no such table of it.

    source: images that take the place of one data set, which must be said.
    """
    known = tables().get(f"{paper} {table}")
    if not known:
        names = ", ".join(name.split()[1] for name in tables() if name.startswith(f"{paper} "))
        raise InputError(f"--table={table}: {paper} has {names}")
    if dataset and dataset not in known:
        raise InputError(f"--dataset={dataset}: table {table} of {paper} has {', '.join(known)}")
    if source and not dataset and len(known) > 1:
        raise InputError(f"--source needs --dataset, one of {', '.join(known)}")
    return [dataset] if dataset else known
