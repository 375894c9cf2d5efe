"""A comparison as people read it: its table, what it says, and the maps of all networks on the same images."""

import os
from typing import Any

from absl import flags

from flags import comparison_flags, data_flags, evaluation_flags, recipe_flags
from flags.parsing import parse_seeds
from launch.columns import COLUMNS, COSTS, diagnosis, flags_of, legend
from launch.command_line.progress import SCREEN
from launch.single_evaluation import attacked_indices, pick_panels
from tfrobust import report
from tfrobust.evaluation import Evaluation, Suite
from tfrobust.experiments.comparison import ComparedMethods, compare
from tfrobust.experiments.provenance import describe_evaluation

PICTURED = 2
SCORES = {"Kendall": "kendall", "top-k": "top_k_intersection"}
RULERS = {"the attack": "", "auto": "auto_", "noise": "noise_"}


def print_comparison(fv: flags.FlagValues) -> None:
    """Compares what the flags say, writes the table into --output and prints it."""
    given = comparison_flags.overrides(fv)
    recipes = [recipe_flags.read(path, given, recipe_flags.name_of(path)) for path in fv.rows]
    suite, data, held = evaluation_flags.from_flags(fv), data_flags.from_flags(fv), evaluation_flags.chunking(fv)
    found = compare(
        recipes,
        data,
        suite,
        fv.output,
        seeds=parse_seeds(fv.seeds),
        controls=fv.controls,
        name=fv.name,
        held=held,
        progress=SCREEN,
    )
    about = {**describe_evaluation(data, held.images, suite.as_dict()), "seeds": fv.seeds}
    write_comparison(fv.output, fv.name, found, about)
    report.write_text(os.path.join(fv.output, fv.name + ".flags"), fv.flags_into_string())
    print("\n" + comparison_text(found, suite, fv.seeds[0]))
    pictures = ", .png, _scores.png" if fv.maps else ""
    print(f"written: {fv.output}/{fv.name}.md, .csv, .json{pictures}")


def write_comparison(output: str, name: str, found: ComparedMethods, about: dict[str, Any]) -> None:
    """NAME.md, .csv and .json with `about` beside the numbers; NAME.png of maps and NAME_scores.png of their scores."""
    report.write_table(output, name, found.lines, COLUMNS, {**about, "runs": found.runs})
    _draw(os.path.join(output, f"{name}.png"), found.first)
    _draw_scores(os.path.join(output, f"{name}_scores.png"), found.lines)


def _draw_scores(path: str, lines: list[dict[str, Any]]) -> None:
    """Kendall and top-k of every network under the attack, under auto and under noise, with their intervals."""
    panels: dict[str, dict[str, dict[str, tuple[float, ...]]]] = {}
    for line in lines:
        for heading, measure in SCORES.items():
            for series, prefix in RULERS.items():
                if f"{prefix}{measure}" in line:
                    ends = [line[f"{prefix}{measure}{end}"] for end in ("", "_low", "_high")]
                    own = tuple(each[0] if isinstance(each, tuple) else each for each in ends)
                    panels.setdefault(heading, {}).setdefault(line["network"], {})[series] = own
    if panels:
        report.draw_intervals(panels, path, "How alike the maps stay", "1: the same map")


def comparison_text(found: ComparedMethods, suite: Suite, seed: str) -> str:
    """The table and what its columns mean, as Markdown.  seed: the first one, whose diagnosis it is."""
    row = max((line for runs in found.runs.values() for line in runs), key=lambda r: r["attribution_examples"])
    raised = diagnosis(flags_of(found.first))
    return f"{report.markdown(found.lines, COLUMNS)}\n{COSTS}{legend(row, suite)}\n\nSeed {seed}: {raised}"


def _draw(path: str, results: dict[str, Evaluation]) -> None:
    """Panels of the first examples that every network predicted correctly, none chosen for its looks; of many networks
    on several pages, NAME.png, NAME_2.png and so on."""
    attacked = [attacked_indices(result) for result in results.values()]
    common = [index for index in attacked[0] if all(index in others for others in attacked)][:PICTURED]
    if common:
        panels = [panel for name, result in results.items() for panel in pick_panels(name, result, common)]
        title = "Attributions under attack, same images for every network"
        report.draw_pages(panels, path, title, len(common))
