"""The flags of a row of a paper's table: one method on one data set with all its settings, which is one flagfile."""

from absl import flags

from flags import data_flags, model_flags, objective_flags, saliency_flags, training_flags

ROOMS = (
    data_flags.define,
    model_flags.define,
    objective_flags.define,
    saliency_flags.define,
    training_flags.define,
)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for what can be refused without TensorFlow: names, the training plan, sources of maps."""
    model_flags.check(fv)
    objective_flags.check(fv)
    training_flags.from_flags(fv)
    saliency_flags.from_flags(fv)
