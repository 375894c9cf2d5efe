"""The verbs: python -m launch.VERB --help."""

import os

# TensorFlow reports missing GPU libraries as errors on machines without one; what goes wrong in Python still shows.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
