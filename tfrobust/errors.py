"""Errors that the library raises and the verbs answer in one line.  Importing them costs no TensorFlow."""


class DataWarning(UserWarning):
    """What whoever gave the data should know of how they were read."""


class InputError(ValueError):
    """What the person gave cannot be used; the message is one line that says what to do."""


class TrainingDivergedError(RuntimeError):
    """A term or the gradient became NaN or infinite; the message names it and the step."""


class TrainingStoppedError(RuntimeError):
    """A run was asked to stop; the message names the step, which is saved."""
