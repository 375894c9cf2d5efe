"""The tests.  They compute with the kernels that the verbs compute with."""

import launch  # noqa: F401  Sets what TensorFlow reads when it is imported.
