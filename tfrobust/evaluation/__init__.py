"""Evaluation: runs a suite of attacks on a network and records what becomes of each image."""

from tfrobust.deprecation import deprecated
from tfrobust.evaluation.evaluator import evaluate
from tfrobust.evaluation.result import Evaluation
from tfrobust.evaluation.suite import MapTask, Suite

__all__ = ["Evaluation", "MapTask", "Suite", "evaluate"]

run_suite = deprecated("run_suite", write="evaluate", removed_in="0.3")(evaluate)
