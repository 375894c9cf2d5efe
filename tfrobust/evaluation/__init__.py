"""Evaluation: a saved network goes in, records come out."""

from tfrobust.evaluation.evaluate import Evaluation, EvaluationSpec, evaluate
from tfrobust.evaluation.runner import Result, run_suite
from tfrobust.evaluation.suite import Suite

__all__ = ["Evaluation", "EvaluationSpec", "Result", "Suite", "evaluate", "run_suite"]
