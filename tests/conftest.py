"""Loads the helpers before any test, as they set TensorFlow up, which can be done only once; cleans up after tests."""

import atexit
import contextlib
import ctypes
import gc
import os
import sys

import pytest

from tests import processes

# Files and folders that train, run whole verbs, servers or replicas, or start processes: `make test-fast` leaves them
# out.  A single test of another file has the marker itself.
SLOW = (
    "attacks/test_dual.py",
    "benchmark/",
    "corruptions/",
    "distribution/",
    "docs/test_commands.py",
    "docs/test_examples.py",
    "docs/test_python.py",
    "docs/test_serving_page.py",
    "evaluation/test_ensembles.py",
    "evaluation/test_evaluate.py",
    "evaluation/test_suite.py",
    "experiments/test_folder_lock.py",
    "experiments/test_version_0_1.py",
    "launch/",
    "models/",
    "networks/test_adoption.py",
    "networks/test_bfloat16.py",
    "serving/test_http_server.py",
    "serving/test_rest.py",
    "serving/test_saved_model.py",
    "test_adding.py",
    "test_api.py",
    "test_kernels.py",
    "test_tutorial.py",
    "training/",
)
LONG = ("test_adding.py", "test_tutorial.py")  # Begin first: at the end one process would wait for the other.
OF_THE_USER = ("TFROBUST_ZOO", "TF_CONFIG")  # What a verb would take from the environment.
TESTS = os.path.dirname(os.path.abspath(__file__))


def pytest_configure(config):
    """Not in the process that only hands tests to others (-n): TensorFlow's first lines would follow its summary."""
    if not config.getoption("numprocesses", None):
        if hasattr(config, "workerinput"):
            os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")  # The workers share the cores.
            os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")  # oneDNN's own gives nothing back.
            atexit.register(end_at_once)  # Called last, after whatever is registered from here on.
        for name in OF_THE_USER:
            os.environ.pop(name, None)
        gc.disable()  # Until everything is imported: little of that is garbage.
        import tests.helpers  # noqa: F401


def end_at_once():
    """For a process that is handed tests and has reported them all: Python and TensorFlow would take many seconds to
    give back what they hold."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def pytest_unconfigure():
    processes.close()


def pytest_collection_finish():
    """What was imported stays to the end, so that no collection of garbage need go through it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # Graphs are many small objects: Python's own thresholds took 7 % of the time.
    gc.enable()


def pytest_collection_modifyitems(items):
    def is_of(item, files):
        return os.path.relpath(item.path, TESTS).replace(os.sep, "/").startswith(files)

    for item in items:
        if is_of(item, SLOW):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: not is_of(item, LONG))


@pytest.fixture
def eagerly():
    """TensorFlow without graphs, for a test in which a step or two are over before the graph of one would be traced."""
    from tests.helpers import without_graphs

    with without_graphs():
        yield


@pytest.fixture(scope="module", autouse=True)
def forget(request):
    """After a file, the graphs and networks of its tests: a process of many files would hold several GB of them."""
    yield
    import keras

    for cached in (*vars(request.module).values(), *held_networks()):
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()
    keras.backend.clear_session()
    gc.collect()
    gc.freeze()  # What is still there stays, too.
    with contextlib.suppress(OSError, AttributeError):  # Not Linux with glibc, which keeps what is freed.
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def held_networks():
    """The functions of the library that hold what they made of the last networks."""
    for name, module in list(sys.modules.items()):
        if name.startswith("tfrobust."):
            for value in vars(module).values():
                if hasattr(value, "cache_parameters") and value.cache_parameters()["maxsize"]:
                    yield value
