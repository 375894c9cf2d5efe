"""Several replicas at once, on one machine or many: which there are, and what each of them does.

The strategy is the one in whose scope the program runs (`tf.distribute.get_strategy()`), so nothing hands it around;
without one there is a single replica, and everything here leaves what it is given as it is.
"""

from tfrobust.distribution.draws import at_place, draw_by_image, draw_for_replica
from tfrobust.distribution.sharing import shard_over_replicas
from tfrobust.distribution.strategies import STRATEGIES, make_strategy, task_of
from tfrobust.distribution.sums import (
    GlobalBatch,
    Place,
    apply_summed_gradients,
    never_empty,
    sum_over_replicas,
)
from tfrobust.distribution.workers import (
    LOST,
    all_processes_agree,
    check_shared_folder,
    chief_only_path,
    is_chief,
    several_processes,
)

__all__ = [
    "LOST",
    "STRATEGIES",
    "GlobalBatch",
    "Place",
    "all_processes_agree",
    "apply_summed_gradients",
    "at_place",
    "check_shared_folder",
    "chief_only_path",
    "draw_by_image",
    "draw_for_replica",
    "is_chief",
    "make_strategy",
    "never_empty",
    "several_processes",
    "shard_over_replicas",
    "sum_over_replicas",
    "task_of",
]
