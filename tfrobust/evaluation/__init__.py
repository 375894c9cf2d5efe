"""Evaluation: a saved network goes in, records come out."""

from tfrobust.evaluation.evaluate import Evaluation, EvaluationSpec, evaluate
from tfrobust.evaluation.runner import Result, run_suite
from tfrobust.evaluation.suite import Suite
from tfrobust.evaluation.suites import SUITES, make_suite

__all__ = ["SUITES", "Evaluation", "EvaluationSpec", "Result", "Suite", "evaluate", "make_suite", "run_suite"]
