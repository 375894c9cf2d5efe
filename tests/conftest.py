"""Loads the helpers before any test: they set TensorFlow up, which can be done only once."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def pytest_configure(config):
    """Not in the process that only hands tests to others (-n): TensorFlow's first lines would follow its summary."""
    if not config.getoption("numprocesses", None):
        import tests.helpers  # noqa: F401
