"""What an audit of a network costs: measured without tracing first, which is over in seconds, and says how long tracing
would take; and measured on traced functions, where there is the time to trace them."""

import contextlib
import time
from collections.abc import Generator

import numpy as np
import tensorflow as tf

from tfrobust.auditing.inputs import AuditInputs
from tfrobust.auditing.plan import Cost, Plan

# Of an attack of one step on the gradient of one image, untraced: how much of it is the step, and how many times over
# it takes to trace (the one measured on NASNetMobile, the other on MobileNetV3Small): a call of many small operations
# is all there is.
STEP_SHARE, TRACING = 0.65, 6.0
SECOND_DERIVATIVE = 5.0  # What it takes for an image, in predictions of one (NASNetMobile and ConvNeXtTiny: 4 to 5).
IMAGES = 8  # Predicted at once, to tell what one takes: rather too much where the call is all there is.


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
    """That the attack on a map takes."""
    task = plan.task(name, plan.eps[0], steps)
    attack = task.attack.on_maps(inputs.network, task.map, task.comparison, plan.chunk)
    began = time.monotonic()
    attack(inputs.x[:images], inputs.y[:images])
    return time.monotonic() - began


def _seconds_of_prediction(inputs, images) -> float:
    """That a prediction of so many images takes: whatever is called first takes longer."""
    x = tf.convert_to_tensor(np.resize(inputs.x[:images], (images, *inputs.x.shape[1:])))
    for _ in range(2):
        began = time.monotonic()
        inputs.network(x, training=False)
    return time.monotonic() - began
