"""Jobs that need no network of their own: Kendall's tau of large maps beside SciPy, and the audit of a MobileNetV2."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
from scipy import stats

from tfrobust.auditing.plan import LEVELS
from tfrobust.benchmark.jobs import OURS, Done, Goal, Job, Side, near
from tfrobust.benchmark.setting import Setting
from tfrobust.benchmark.turns import timed
from tfrobust.errors import InputError
from tfrobust.similarity import kendall

LEVEL = LEVELS[-1]  # (steps, path points) of the audit.
EARLIER = "earlier"  # The side of another version of this project.
# Attacks maps and predictions of a MobileNetV2 of random weights as an audit does, once to compile and once timed.
_AUDIT = """
import json, sys, time
from tfrobust.auditing.plan import Plan
from tfrobust.evaluation import evaluate
import keras, numpy as np
keras.utils.set_random_seed(0)
network = keras.applications.MobileNetV2((96, 96, 3), weights=None, classes=10, classifier_activation=None)
images, steps, points = map(int, sys.argv[1:])
x = np.random.RandomState(0).rand(images, 96, 96, 3).astype(np.float32)
y = network.predict(x, verbose=0).argmax(axis=1)
suite = Plan((4 / 255,), steps, points, 96 * 96 // 8, images, 8, None).suite(images, 0)
for _ in range(2):
    began = time.perf_counter()
    evaluate(network, x, y, suite, batch_size=8)
print(json.dumps(dict(seconds=time.perf_counter() - began)))
"""


def kendall_jobs(setting: Setting) -> list[Job]:
    """Kendall's tau of pairs of maps that are alike."""
    sizes, random = setting.sizes, np.random.RandomState(0)
    a = random.rand(sizes.maps, sizes.side, sizes.side)  # float64: newer SciPys round as their inputs are.
    b = a + 0.3 * random.rand(*a.shape)

    def scipy():
        return {"tau": np.array([stats.kendalltau(p.ravel(), q.ravel())[0] for p, q in zip(a, b)])}

    return [
        Job(
            "Kendall's tau",
            f"{sizes.maps} pairs of maps of {sizes.side} x {sizes.side}",
            {OURS: timed(lambda: {"tau": kendall(a, b)}), "SciPy": timed(scipy)},
            (Goal(milliseconds=8.0),),
            "pair",
            sizes.maps,
            near("tau", 1e-12),
        )
    ]


def audit_jobs(setting: Setting, earlier: str | None = None) -> list[Job]:
    """The audit of a MobileNetV2 at 96 x 96 pixels, each time in a process of its own.

    Args:
        setting: whose sizes say how many images.
        earlier: a folder with another version of this project, which is measured beside; None: none is.
    """
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    images = setting.sizes.audit_images
    sides = {OURS: _audit_in(here, images), **({EARLIER: _audit_in(earlier, images)} if earlier else {})}
    what = f"MobileNetV2 of random weights, 96 x 96 pixels, {images} images, {LEVEL[0]} steps, {LEVEL[1]} points"
    return [Job("audit", what, sides, (Goal(times=2.0),), "image", images)]


def _audit_in(folder, images) -> Side:
    command = [sys.executable, "-c", _AUDIT, *map(str, (images, *LEVEL))]

    def side():
        environment = {**os.environ, "PYTHONPATH": os.path.abspath(folder)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
        if done.returncode:
            raise InputError(
                f"the audit in {folder} failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
            )
        return Done(json.loads(done.stdout.strip().splitlines()[-1])["seconds"], {})

    return side
