"""A comparison as launch.compare leaves it, of numbers made up."""

import json
import pathlib


def compared(folder: pathlib.Path, name: str, scores, beside=None) -> None:
    """A comparison of 2 seeds and 4 images.

    Args:
        folder: of the comparison.
        name: of its evaluation.
        scores: row -> (Kendall under the attack, under auto, how many images hold under PGD, cost of a step); one fewer
          holds under AutoAttack.
        beside: row -> the control of its time.
    """
    runs = {
        row: [{"network": row, "steps": 5, "cost": cost, "beside": (beside or {}).get(row)}] * 2
        for row, (*_, cost) in scores.items()
    }
    for row, (kendall, auto, right, _) in scores.items():
        for seed in "01":
            own = folder / f"seed{seed}" / (row.replace(", ", "_").replace(" ", "_") + "_5" * (", " in row))
            own.mkdir(parents=True, exist_ok=True)
            records = []
            for i in range(4):
                label, held = {"index": 10 + i, "label": 1}, {"natural": 4, "PGD": right, "AutoAttack": right - 1}
                records += [{"task": task, **label, "prediction": int(i < n)} for task, n in held.items()]
                records += [{"task": "IFIA", **label, "kendall": kendall}, {"task": "auto", **label, "kendall": auto}]
            about = {"predictions": {"PGD": {}, "AutoAttack": {}}, "attributions": {"IFIA": {}, "auto": {}}}
            (own / f"{name}.json").write_text(json.dumps({"records": records, "about": about}))
    about = {"dataset": "/data/mnist", "seeds": ["0", "1"], "runs": runs}
    (folder / f"{name}.json").write_text(json.dumps({"rows": [], "about": about}))
