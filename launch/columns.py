"""The columns of a table of networks."""

from tfrobust import report
from tfrobust.evaluation.output_change import SAME_OUTPUT, SUBSETS
from tfrobust.evaluation.result import IN_TABLES
from tfrobust.report import Column, markdown

COLUMNS = (
    Column("network", "network"),
    Column("steps", "steps", ",d"),
    Column("seconds", "train s", ".0f"),
    Column("cost", "step cost", ".1f"),
    Column("beside", "equal time"),
    Column("natural_accuracy", "natural", ".1%"),
    Column("adversarial_accuracy", "PGD", ".1%"),
    Column("autoattack_accuracy", "AutoAttack", ".1%"),
    Column("top_k_intersection", "top-k", ".3f"),
    Column("kendall", "Kendall", ".3f"),
    Column("spearman", "Spearman", ".3f"),
    Column("lens_precision", "LENS precision", ".3f"),
    Column("auto_top_k_intersection", "auto top-k", ".3f"),
    Column("auto_kendall", "auto Kendall", ".3f"),
    Column("auto_spearman", "auto Spearman", ".3f"),
    Column("auto_lens_precision", "auto LENS precision", ".3f"),
    Column("noise_top_k_intersection", "noise top-k", ".3f"),
    Column("noise_kendall", "noise Kendall", ".3f"),
    Column("noise_spearman", "noise Spearman", ".3f"),
    Column("deletion", "deletion", ".3f"),
    Column("deletion_random", "random order", ".3f"),
    Column("randomised", "weights shuffled", ".3f"),
    Column("floor", "floor"),
    Column("share_not_counted", "no attack", ".1%"),
    Column("share_not_moved", "unmoved", ".1%"),
    Column("share_not_kept_label", "label lost", ".1%"),
)

COSTS = """step cost: of a training step, as a multiple of the cheapest row's.  equal time: the row of PGD training
  that takes as long, within 20 %.
"""
OF_PREDICTIONS = "natural, PGD{autoattack}: accuracy on {examples} test images, as they are and under attack."
LEGEND = """
top-k, Kendall, Spearman: how alike the maps of {attribution_examples} correctly predicted images stay under {attack}
  (1: the same); with "noise": under random noise of the same budget{auto}.
  LENS precision: as top-k, where the next pixels count as well.
no attack: images for which no iterate of the attack both moved and kept the label, and which score 1; of these, those
  that it never moved (unmoved) and those whose label it never kept (label lost)."""


OF_MAPS = """
deletion: mean probability of the class while pixels are deleted, those first that the map ranks highest; random order:
  the same in a random order.  weights shuffled: Spearman of the map and that of the network with its weights shuffled.
  floor: why stillness says nothing of this row (a constant map, deletion no better than in a random order, a map that
  does not change with the weights); nothing where the map passes."""


def legend(row, suite) -> str:
    """What the columns of a row of an evaluation by this suite mean."""
    autoattack = ", AutoAttack" if "autoattack_accuracy" in row else ""
    said = OF_PREDICTIONS.format(autoattack=autoattack, **row)
    if not suite.attributions:
        return said
    auto = ';\n  with "auto": the minimum over an ensemble of attacks' if "auto_kendall" in row else ""
    said += LEGEND.format(attack=suite.first_task.attack.describe(), auto=auto, **row)
    return said + OF_MAPS if "floor" in row else said


def flags_of(results) -> dict:
    """The flags of several networks' evaluations (network -> result) as those of one: "network: task" -> list."""
    return {f"{network}: {task}": own for network, result in results.items() for task, own in result.flags.items()}


FLAGS = (Column("raised", ""), *report.FLAGS)


def diagnosis(flags) -> str:
    """The flags (task -> list) that were raised, and how many images were predicted wrongly, as a table."""
    rows = [
        {"task": task, **flag._asdict(), "raised": "!" if flag.raised else ""}
        for task, own in flags.items()
        for flag in own
        if flag.raised or flag.name == "already_wrong"
    ]
    raised = sum(row["raised"] == "!" for row in rows)
    checks = sum(len(own) for own in flags.values())
    return f"Diagnosis: {checks} checks, {raised} raised (!).\n\n{markdown(rows, FLAGS)}"


OUTPUTS = (
    Column("task", "where the output holds"),
    Column("measure", "measure"),
    Column("all", "all images"),
    Column("same_output_images", "same output"),
    Column("same_output_scores", "mean"),
    Column("same_output_changed", "changed", ",d"),
    Column("same_output_changed_scores", "mean of these"),
    Column("calmer_half_images", "calmer half"),
    Column("calmer_half_scores", "mean"),
    Column("calmer_half_changed", "changed", ",d"),
    Column("calmer_half_changed_scores", "mean of these"),
)
OF_OUTPUTS = f"""same output: images whose probabilities of all classes changed by at most {SAME_OUTPUT:g} in all.
calmer half: images whose logits changed by at most the median of those that the attack changed.
changed: those of them that the attack changed; the others it left as they were, and they score 1.
Brackets: 95 % intervals.
"""
DELETIONS = (
    Column("task", "deletion"),
    Column("deletion", "map, image", ".3f"),
    Column("attacked_deletion", "attacked map, attacked image", ".3f"),
    Column("attacked_old_map_deletion", "old map, attacked image", ".3f"),
    Column("attacked_deletion_random", "random order, attacked image", ".3f"),
)


def outputs(result) -> str:
    """The scores of maps where the output hardly changed, and the deletion of attacked maps, as tables; empty where no
    map was attacked."""
    shown = (*IN_TABLES, "attacked_deletion")
    rows = [
        _output_row(task, measure, result.summary[task][measure], of[measure])
        for task, of in result.outputs.items()
        for measure in shown
        if measure in of
    ]
    if not rows:
        return ""
    deleted = [
        {"task": task, **{c.key: summary[c.key]["mean"] for c in DELETIONS[1:]}}
        for task, summary in ((task, result.summary[task]) for task in result.outputs)
        if "attacked_deletion" in summary
    ]
    tables = [f"{markdown(rows, OUTPUTS)}\n{OF_OUTPUTS}", *([markdown(deleted, DELETIONS)] if deleted else [])]
    return "\n".join(tables)


def _output_row(task, measure, whole, by_subset):
    row = {"task": task, "measure": measure.replace("_", " "), "all": _with_interval(whole)}
    for subset in SUBSETS:
        found, share = by_subset[subset], by_subset[subset]["share"]
        row[f"{subset}_images"] = f"{found['images']} of {found['of']} [{share['low']:.0%}, {share['high']:.0%}]"
        row[f"{subset}_changed"] = found["changed"]
        row.update({f"{subset}_{key}": _with_interval(found[key]) for key in ("scores", "changed_scores")})
    return row


def _with_interval(scores) -> str:
    """A mean and its interval; of no image a dash, which cannot be taken for a score, and of one no interval."""
    if scores is None:
        return "-"
    interval = "" if scores["low"] is None else f" [{scores['low']:.3f}, {scores['high']:.3f}]"
    return f"{scores['mean']:.3f}{interval}"
