"""What robust attributions are good for, as evaluations of saved networks: one file per task of launch.downstream."""

from tfrobust.names import Registry

TASKS = Registry(
    "launch.tasks",
    **{name: f"{name}.TASK" for name in ("localization", "segmentation", "corruptions", "generation", "alignment")},
)
