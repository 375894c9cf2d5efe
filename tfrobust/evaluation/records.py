"""Reads the records of an evaluation, a line for each example and task, from a file."""

import json
from typing import Any

_OF_ALL = ("index", "label")


def read_records(path: str) -> list[dict[str, Any]]:
    """The records in the JSONL file at `path`, a dict for each example and task.

    Version 0.1 wrote one line for an example, with its prediction, that under PGD and the scores of its map under IFIA
    side by side: these become records of the tasks natural, PGD and IFIA.
    """
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    if all("task" in line for line in lines):
        return lines
    of_maps = [name for name in dict.fromkeys(name for line in lines for name in line) if "prediction" not in name]
    tasks = {"natural": {"prediction": "prediction"}, "PGD": {"prediction_attacked": "prediction"}}
    tasks["IFIA"] = {name: name for name in of_maps if name not in _OF_ALL}
    return [
        {"task": task, **{name: line[name] for name in _OF_ALL}, **{new: line[old] for old, new in columns.items()}}
        for task, columns in tasks.items()
        for line in lines
        if columns.keys() <= line.keys()
    ]
