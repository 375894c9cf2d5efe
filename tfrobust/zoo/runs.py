"""Reads a finished run of a comparison, a sweep or a training as a network of a release.

A run is a folder with network.keras, run.flags and run.json (`experiments.saved_runs`); its evaluations are the JSON
files beside them or one folder below that hold the settings of a suite and its summary.
"""

import glob
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tfrobust.checks import check_regular_file
from tfrobust.errors import InputError
from tfrobust.evaluation.diagnosis import FLOOR
from tfrobust.evaluation.suite_reading import suite_from_plain
from tfrobust.experiments.fingerprints import fingerprint_network
from tfrobust.experiments.saved_runs import NETWORK, RUN, SETTINGS, is_finished
from tfrobust.networks import in_float32, load_network
from tfrobust.papers.reported import paper_rows, reported_numbers, row_of
from tfrobust.zoo.fetch import sha256_of
from tfrobust.zoo.index import EvaluationRecord, Reported, Scores, ZooNetwork, check_name

COSTS = "costs.json"  # Seconds of a step of each row, in the folder of a comparison.
OF_IMAGES = ("image_size", "equalize", "exif")  # Settings of a training that its evaluation shares.
_TRAINING = re.compile(r"--?(\w+)(?:=(.*))?")


class Row(NamedTuple):
    """What trained a run, as the flags of its comparison say.

    Attributes:
        flagfile: of the row.
        overrides: flags that won over it.
    """

    flagfile: str
    overrides: tuple[str, ...] = ()


def finished_runs(folder: str) -> list[str]:
    """The folders of finished runs in a folder, itself among them, sorted."""
    if not os.path.isdir(folder):
        raise InputError(f"no folder of runs at {folder}")
    below = [os.path.dirname(path) for path in glob.glob(os.path.join(glob.escape(folder), "**", RUN), recursive=True)]
    return sorted(path for path in below if is_finished(path))


def read_run(
    folder: str, name: str, row: Row | None, *, licence: str = "", cost: float | None = None
) -> tuple[ZooNetwork, list[str]]:
    """The run in a folder as a network of a release.

    Args:
        folder: of the run.
        name: of the network in the release.
        row: what trained it; None where that is not known.
        licence: of the weights.
        cost: of a step, in steps of the cheapest row beside it.

    Returns:
        The network, and sentences about evaluations that were left out.

    Raises:
        InputError: where the run or an evaluation of it cannot be read.
    """
    path = os.path.join(folder, NETWORK)
    with open(os.path.join(folder, SETTINGS), encoding="utf-8") as file:
        settings = file.read()
    given, done = settings_in(settings), _json(os.path.join(folder, RUN))
    evaluations, left_out = _evaluations(folder, given, fingerprint_network(in_float32(load_network(path))))
    flagfile = row.flagfile if row else ""
    network = ZooNetwork(
        name=check_name(name),
        bytes=os.path.getsize(path),
        sha256=sha256_of(path),
        dataset=os.path.basename(os.path.normpath(given.get("dataset", ""))),
        model=given.get("model", ""),
        method=given.get("method", ""),
        seed=int(given.get("seed", 0)),
        paper=_paper_of(flagfile),
        row=" ".join([row.flagfile, *map(_without_path, row.overrides)]) if row else "",
        command=f"python -m launch.train --flagfile={name}.flags --data_dir=DATA --output=runs/{name}",
        settings=_without_paths(settings),
        steps=int(done["steps"]),
        seconds=float(done["seconds"]),
        step_cost=cost,
        commit=done.get("commit") or "",
        date=done.get("date") or "",
        versions=done["versions"],
        licence=licence,
        reported=_reported(flagfile),
        evaluations=evaluations,
    )
    return network, left_out


def settings_in(text: str) -> dict[str, str]:
    """name -> value of the flags in a run.flags; of those without a value "true" or "false"."""
    out = {}
    for line in text.splitlines():
        found = _TRAINING.fullmatch(line.strip())
        if found:
            name, value = found.groups()
            out[name.removeprefix("no") if value is None else name] = (
                value if value is not None else str(not name.startswith("no")).lower()
            )
    return out


def scores_of(summary: Mapping[str, Mapping[str, Any]]) -> Scores:
    """The means with their intervals, and the plain numbers, of the summary of an evaluation."""
    out: Scores = {}
    for task, own in summary.items():
        kept = {}
        for measure, value in own.items():
            if isinstance(value, Mapping):
                ends = {end: value[end] for end in ("mean", "low", "high") if _is_number(value.get(end))}
                if "mean" in ends:
                    kept[measure] = ends if len(ends) == 3 else {"mean": ends["mean"]}
            elif _is_number(value):
                kept[measure] = value
        if kept:
            out[task] = kept
    return out


def step_costs(folder: str) -> dict[str, float]:
    """name of a row -> cost of its step, in steps of the cheapest; empty where the comparison measured none."""
    path = os.path.join(folder, COSTS)
    seconds = _json(path) if os.path.exists(path) else {}
    return {name: value / min(seconds.values()) for name, value in seconds.items()}


def _evaluations(folder, given, fingerprint) -> tuple[list[EvaluationRecord], list[str]]:
    """The evaluations of a run; those of another network are left out, with a sentence each."""
    found, left_out = {}, []
    for path, stored in _stored(folder):
        about = stored["about"]
        if about.get("networks", [fingerprint])[0] != fingerprint:
            left_out.append(f"{path} is of another network than {NETWORK} beside it")
            continue
        record = _record(_name_of(path, folder, found), stored, given)
        found[record.name] = record
    return [found[name] for name in sorted(found)], left_out


def _stored(folder) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, what it holds) of each evaluation, those of the folder itself first."""
    for pattern in ("*.json", os.path.join("*", "*.json")):
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), pattern))):
            stored = _json(path)
            about = stored.get("about") if isinstance(stored, dict) else None
            if not isinstance(about, dict) or not {"predictions", "attributions"} <= about.keys():
                continue
            if "summary" in stored or "summary" in about:
                yield path, stored


def _name_of(path, folder, taken) -> str:
    stem, below = os.path.splitext(os.path.basename(path))[0], os.path.basename(os.path.dirname(path))
    own = stem if os.path.dirname(path) == folder or stem not in ("evaluation", *taken) else below
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", own)
    return name if name not in taken else f"{below}_{name}"


def _record(name, stored, given) -> EvaluationRecord:
    about = stored["about"]
    suite = suite_from_plain(about).as_dict()
    flags = stored.get("flags") or about.get("flags") or {}
    raised = {flag["name"] for own in flags.values() for flag in own if flag["raised"]}
    shared = {key: given[key] for key in OF_IMAGES if key in given}
    data = {
        "name": os.path.basename(os.path.normpath(about["dataset"])),
        "hold_out": about["hold_out"],
        "evaluate_on": about["evaluate_on"],
        "image_size": int(shared["image_size"]) if "image_size" in shared else None,
        "equalize": shared.get("equalize") == "true",
        "exif": shared.get("exif") == "true",
    }
    return EvaluationRecord(
        name=check_name(name),
        suite=suite,
        data=data,
        images=about.get("images") or "",
        batch=int(about["evaluation_batch"]),
        versions=about["versions"],
        scores=scores_of(stored.get("summary") or about["summary"]),
        floor=[words for flag, words in FLOOR.items() if flag in raised],
    )


def _paper_of(flagfile) -> str:
    """The paper whose row the flagfile is, empty where it is none."""
    rows = _paper_rows(flagfile)
    return rows[0].paper if rows else ""


def _paper_rows(flagfile) -> Sequence[Any]:
    """The papers' rows that a flagfile trains, at whatever budget: ROW_cpu.flags is ROW.flags at that of two cores."""
    own = flagfile.replace("_cpu.flags", ".flags")
    rows = [row for row in paper_rows() if row.flagfile == own and not row.overrides]
    return [row for row in rows if f"/{row.paper}/" in own] or rows


def _reported(flagfile) -> list[Reported]:
    """The numbers of its first table that a paper prints for the row."""
    rows = _paper_rows(flagfile)[:1]
    numbers = [number for number in reported_numbers() if rows and row_of(number) == rows[0][:6]]
    share = {"percent": 0.01}
    return [
        Reported(n.paper, n.table, n.metric, n.attribution, n.variant, round(n.value * share.get(n.unit, 1.0), 10))
        for n in numbers
    ]


def _without_paths(settings: str) -> str:
    """The settings; of a file of the reader's own its name without the folder."""
    return "".join(f"{_without_path(line)}\n" for line in settings.splitlines())


def _without_path(setting: str) -> str:
    """The same of one setting, --name=value."""
    flag, equals, value = setting.partition("=")
    own = flag in ("--dataset", "--initial_network") and os.path.isabs(value)
    return f"{flag}{equals}{os.path.basename(value)}" if own else setting


def _json(path) -> Any:
    check_regular_file(path)
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (UnicodeDecodeError, ValueError, RecursionError) as e:
        raise InputError(f"{path} is no JSON ({' '.join(str(e).split())[:100]})") from e


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
