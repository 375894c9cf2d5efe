"""Measures what an audit of a network costs.

It is measured without tracing first, which takes seconds and tells how long tracing would take; and then on traced
functions, where there is time to trace them.
"""

import contextlib
import time
from collections.abc import Generator

import numpy as np
import tensorflow as tf

from tfrobust.auditing.inputs import AuditInputs
from tfrobust.auditing.plan import Cost, Plan

# Both belong to an untraced attack of one step on the gradient of one image: the share of its time that the step takes
# (measured on NASNetMobile), and how many times longer tracing takes (measured on MobileNetV3Small).  Such a call
# consists of many small operations.
STEP_SHARE, TRACING = 0.65, 6.0
SECOND_DERIVATIVE = 5.0  # Time of one for an image, in predictions of an image (NASNetMobile, ConvNeXtTiny: 4 to 5).
IMAGES = 8  # Predicted at once to time a prediction; the cost of the call counts, too, so it is rather overestimated.


@contextlib.contextmanager
def untraced(really: bool = True) -> Generator[None, None, None]:
    """Makes functions run operation by operation, untraced, while the block runs; `really` False: as they did."""
    was = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(really or was)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(was)


def untraced_cost(inputs: AuditInputs, plan: Plan) -> Cost:
    """The cost of an audit whose functions are not traced; its `tracing` is what tracing would take, and saves.

    Args:
        inputs: what is audited.
        plan: any, for its settings of an attack.
    """
    with untraced():
        attack = _seconds(inputs, plan, "gradient", 1, 1)
        prediction = _seconds_of_prediction(inputs, IMAGES) / IMAGES
    image = max(SECOND_DERIVATIVE * prediction, 1e-5)
    return Cost(image, TRACING * attack, max(STEP_SHARE * attack - image, 0.0), traced=False)


def traced_cost(inputs: AuditInputs, plan: Plan) -> Cost:
    """The cost of an audit whose functions are traced.

    Args:
        inputs: what is audited.
        plan: any, for its settings of an attack.
    """
    first, one, four = (_seconds(inputs, plan, "gradient", steps, plan.batch) for steps in (1, 1, 4))
    return Cost(max((four - one) / 3, 1e-5) / plan.batch, first - one)


def _seconds(inputs, plan, name, steps, images) -> float:
    """Seconds that the attack on a map takes."""
    task = plan.task(name, plan.eps[0], steps)
    attack = task.attack.on_maps(inputs.network, task.map, task.comparison, plan.chunk)
    began = time.monotonic()
    attack(inputs.x[:images], inputs.y[:images])
    return time.monotonic() - began


def _seconds_of_prediction(inputs, images) -> float:
    """Seconds that a prediction of so many images takes, timed at a second call, because the first takes longer."""
    x = tf.convert_to_tensor(np.resize(inputs.x[:images], (images, *inputs.x.shape[1:])))
    for _ in range(2):
        began = time.monotonic()
        inputs.network(x, training=False)
    return time.monotonic() - began
