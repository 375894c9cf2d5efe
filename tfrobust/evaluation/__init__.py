"""Evaluation: a saved network goes in, records come out."""

from tfrobust.evaluation.evaluate import Evaluation, EvaluationSpec, evaluate

__all__ = ["Evaluation", "EvaluationSpec", "evaluate"]
