"""The verbs: python -m launch.VERB --help."""

import os
import platform

# TensorFlow reports missing GPU libraries as errors on machines without one; what goes wrong in Python still shows.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# oneDNN's kernels, which are faster and which TensorFlow leaves off on many x86 processors (docs/performance.md).  Both
# variables are read when TensorFlow is imported, so no module of this package may import it before this one.
if platform.machine().lower() in ("x86_64", "amd64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
