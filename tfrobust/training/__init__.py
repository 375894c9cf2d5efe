"""Training: a Keras model with a custom train_step, and runs that survive."""

from tfrobust.errors import TrainingDiverged, TrainingStopped
from tfrobust.training.cost import step_seconds
from tfrobust.training.run import Trained, train
from tfrobust.training.trainer import Trainer, check
from tfrobust.training_spec import TrainingSpec

__all__ = [
    "Trained",
    "Trainer",
    "TrainingDiverged",
    "TrainingSpec",
    "TrainingStopped",
    "check",
    "step_seconds",
    "train",
]
