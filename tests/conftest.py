"""Loads the helpers before any test: they set TensorFlow up, which can be done only once."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tests.helpers  # noqa: E402, F401
