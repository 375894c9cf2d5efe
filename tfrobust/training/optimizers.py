"""The optimizer of a TrainingSpec, with its learning-rate schedule."""

import keras

from tfrobust.training_spec import TrainingSpec


def make_optimizer(spec: TrainingSpec) -> keras.optimizers.Optimizer:
    """Adam or SGD with momentum, with a piecewise constant learning rate whose boundaries are counted in steps."""
    rate = spec.learning_rates[0]
    if spec.boundaries:
        rate = keras.optimizers.schedules.PiecewiseConstantDecay(list(spec.boundaries), list(spec.learning_rates))
    if spec.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    return keras.optimizers.SGD(rate, momentum=spec.momentum, nesterov=spec.nesterov)
