"""Evidence from an audit's report alone: a model card, sections for regulators, records for trackers of experiments.

Nothing here needs TensorFlow: `audit.json` goes in, text comes out.
"""

from tfrobust.evidence.card import model_card
from tfrobust.evidence.facts import Facts, read_facts
from tfrobust.evidence.sections import evidence_sections
from tfrobust.evidence.trackers import flat_metrics, flat_settings, log_to_mlflow, log_to_wandb

__all__ = [
    "Facts",
    "evidence_sections",
    "flat_metrics",
    "flat_settings",
    "log_to_mlflow",
    "log_to_wandb",
    "model_card",
    "read_facts",
]
