"""What robust attributions are good for, as evaluations of saved networks: one file per task of launch.downstream."""

from launch.tasks import alignment, corruptions, generation, localization, segmentation

# name -> (the task, the ticks of its progress for so many networks)
TASKS = {
    "localization": (localization.run, lambda n: 2 * n),
    "segmentation": (segmentation.run, lambda n: 2 * n),
    "corruptions": (corruptions.run, lambda n: len(corruptions.CORRUPTIONS) * len(corruptions.SEVERITIES)),
    "generation": (generation.run, lambda n: n),
    "alignment": (alignment.run, lambda n: n),
}
