"""Training: a Keras model with a train_step of its own, and runs that resume after an interruption."""

from tfrobust.errors import TrainingDivergedError, TrainingStoppedError
from tfrobust.training.cost import step_seconds
from tfrobust.training.run import Trained, make_trainer, train
from tfrobust.training.trainer import Trainer, check
from tfrobust.training_spec import TrainingSpec

__all__ = [
    "Trained",
    "Trainer",
    "TrainingDivergedError",
    "TrainingSpec",
    "TrainingStoppedError",
    "check",
    "make_trainer",
    "step_seconds",
    "train",
]
