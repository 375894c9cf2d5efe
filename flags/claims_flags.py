"""The flags of verdicts on claims."""

from absl import flags

from tfrobust.errors import InputError


def define(fv: flags.FlagValues) -> None:
    """Which claims, on which comparisons, and where to."""
    where = {"flag_values": fv}
    flags.DEFINE_list("runs", None, "Folders of launch.compare. Required.", **where)
    flags.DEFINE_string("name", "comparison", "Name of the evaluation, as that of launch.compare.", **where)
    flags.DEFINE_string(
        "accuracies_name",
        "",
        "Name of an evaluation that decides claims about accuracies, where a comparison has it; else --name.",
        **where,
    )
    flags.DEFINE_string(
        "claims", None, "CSV file of claims of your own, in the columns of tfrobust/papers/claims.csv.", **where
    )
    flags.DEFINE_string("drawn", "kendall", "Measure whose differences are drawn.", **where)
    flags.DEFINE_string("output", None, "Folder of claims.md, .csv, .json and .png. Required.", **where)
    flags.mark_flags_as_required(["runs", "output"], fv)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for no folder at all."""
    if not fv.runs:
        raise InputError("--runs needs at least one folder of launch.compare")
