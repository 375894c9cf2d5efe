"""The tables of the papers that can be reproduced, and their data sets."""

from tfrobust.errors import InputError
from tfrobust.papers.reported import paper_rows

# The tables with which a paper shows that its method works, on all of its data sets.
MAIN = {"rar": ("T2",), "art": ("T1",), "er": ("T1a", "T1b", "T1c", "T1d"), "far": ("T1",), "sat": ("T1", "T2")}


def tables() -> dict[str, list[str]]:
    """The tables that can be reproduced: "PAPER TABLE" -> data sets; "PAPER text" are the numbers in its text."""
    out: dict[str, list[str]] = {}
    for row in paper_rows():
        if row.dataset and (row.flagfile or row.table != "text"):
            datasets = out.setdefault(f"{row.paper} {row.table}", [])
            datasets += [row.dataset] * (row.dataset not in datasets)
    return out


def datasets_of(paper: str, table: str, dataset: str | None = None, source: str | None = None) -> list[str]:
    """The data sets of a table, or the one that is asked for.

    Args:
        paper: the short name of a paper.
        table: of that paper, as `tables` names it.
        dataset: one of the table's; None: all.
        source: images that take the place of one data set, which must be said.

    Raises:
        InputError: where there is no such table or data set, and for a source without a data set.
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


def main_rows(paper: str) -> list[str]:
    """The flagfiles of the networks in a paper's main tables, of that paper's own methods and baselines.

    Args:
        paper: the short name, one of MAIN.
    """
    found = [row.flagfile for row in paper_rows() if row.paper == paper and row.table in MAIN[paper]]
    return list(dict.fromkeys(path for path in found if path.startswith(f"flags/{paper}/")))
