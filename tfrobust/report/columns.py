"""Columns of the tables that every suite of attacks has, on a screen and on a page."""

from tfrobust.report.table import Column

# Columns of the rows of `evaluation.Evaluation.accuracies`.
ACCURACIES = (
    Column("task", "predictions under"),
    Column("mean", "accuracy", ".1%"),
    Column("low", "95 % from", ".1%"),
    Column("high", "to", ".1%"),
    Column("examples", "images", ",d"),
)
# Columns of a flag of the diagnosis, as a dict with its task.
FLAGS = (
    Column("task", "task"),
    Column("name", "flag"),
    Column("count", "images", ",d"),
    Column("of", "of", ",d"),
    Column("text", "what it says"),
)
