"""A zoo of networks: releases of finished runs with an index, their files fetched and checked, and a board of scores.

A release is a folder: for each network NAME.keras, a card, the settings of its training, and index.json with sizes,
SHA-256, what made it, how it was evaluated and what was found.
"""

from tfrobust.zoo.again import Again, Difference, evaluate_again
from tfrobust.zoo.board import board_page
from tfrobust.zoo.card import network_card
from tfrobust.zoo.fetch import fetch_index, fetch_network
from tfrobust.zoo.index import EvaluationRecord, Index, Reported, ZooNetwork, read_index
from tfrobust.zoo.release import Built, add_runs
from tfrobust.zoo.runs import Row

__all__ = [
    "Again",
    "Built",
    "Difference",
    "EvaluationRecord",
    "Index",
    "Reported",
    "Row",
    "ZooNetwork",
    "add_runs",
    "board_page",
    "evaluate_again",
    "fetch_index",
    "fetch_network",
    "network_card",
    "read_index",
]
