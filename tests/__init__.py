"""The tests.  They compute with the kernels that the verbs compute with."""

import os
import sys

# A file of this folder that is run as a program has the folder first in its path, and tests/launch for launch.  Bazel
# runs a link to it, which Python follows for its path.
_OWN = os.path.dirname(os.path.realpath(__file__))
sys.path[:] = [folder for folder in sys.path if os.path.realpath(folder) != _OWN]

# A test that Bazel runs has no home to write into.
if "TEST_TMPDIR" in os.environ:
    os.environ.setdefault("MPLCONFIGDIR", os.environ["TEST_TMPDIR"])
    os.environ.setdefault("XDG_CACHE_HOME", os.environ["TEST_TMPDIR"])

# The networks of the tests are small: handing parts of an operation to other threads costs more than it saves (11 % of
# the time of the tests), and another process of tests has the other core.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import launch  # noqa: E402, F401  Sets what TensorFlow reads when it is imported.
