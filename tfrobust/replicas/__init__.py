"""Several replicas at once, on one machine or many: which there are, and what each of them does.

The strategy is the one in whose scope the program runs (`tf.distribute.get_strategy()`), so nothing hands it around;
without one there is a single replica, and everything here leaves what it is given as it is.
"""

from tfrobust.replicas.draws import drawn_rows
from tfrobust.replicas.sharing import shared_out
from tfrobust.replicas.strategies import STRATEGIES, make_strategy, task_of
from tfrobust.replicas.sums import average_in_place, mean_over_replicas, share_of_sum
from tfrobust.replicas.workers import LOST, discarded_on_workers, everyone, is_chief, several_processes

__all__ = [
    "LOST",
    "STRATEGIES",
    "average_in_place",
    "discarded_on_workers",
    "drawn_rows",
    "everyone",
    "is_chief",
    "make_strategy",
    "mean_over_replicas",
    "several_processes",
    "share_of_sum",
    "shared_out",
    "task_of",
]
