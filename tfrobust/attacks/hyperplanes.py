"""The smallest step from an image to a hyperplane within [0, 1], in l-infinity and l2: what FAB makes its steps of."""

import numpy as np


def step_onto(w: np.ndarray, gap: np.ndarray, x: np.ndarray, norm: str) -> np.ndarray:
    """The smallest step d with gap + <w, d> = 0 and x + d in [0, 1] (Croce & Hein, 2020b).

    Each pixel moves by sign(w_i) s min(l u_i, r_i): r_i is the room that it has in [0, 1] in that direction, s the sign
    of -gap, and u_i is 1 in l-infinity and |w_i| in l2.  The sum of |w_i| min(l u_i, r_i) rises with l from 0, in
    straight lines between the points l = r_i / u_i where a pixel has used its room up; l is where it is |gap|.

    Args:
        w: normal vectors [B,H,W,C].
        gap: values [B] of the linear function at x, 0 on the hyperplane.
        x: images [B,H,W,C] in [0, 1].
        norm: linf or l2, in which the step is the smallest.

    Returns:
        Steps [B,H,W,C].  Where the hyperplane does not meet [0, 1], the step that comes nearest to it.
    """
    towards, at = (v.reshape(len(v), -1).astype(np.float64) for v in (w, x))
    towards = towards * np.where(gap < 0, 1.0, -1.0)[:, None]
    weight = np.abs(towards)
    speed = np.ones_like(weight) if norm == "linf" else weight
    room = np.where(towards > 0, 1 - at, at)
    length = _length(weight, speed, room, np.abs(gap.astype(np.float64)))
    step = np.sign(towards) * np.minimum(length[:, None] * speed, room)
    return step.reshape(w.shape).astype(np.float32)


def _length(weight, speed, room, wanted):
    """l [B] with sum_i weight_i min(l speed_i, room_i) = wanted, or inf where that sum never gets there."""
    full = np.divide(room, speed, out=np.zeros_like(room), where=speed > 0)
    order = np.argsort(full, axis=1)
    full, gain, slope = (np.take_along_axis(v, order, axis=1) for v in (full, weight * room, weight * speed))
    none = np.zeros((len(weight), 1))
    gained = np.concatenate([none, np.cumsum(gain, axis=1)], axis=1)
    slope_left = np.concatenate([np.cumsum(slope[:, ::-1], axis=1)[:, ::-1], none], axis=1)
    passed = np.sum(gained[:, 1:] + full * slope_left[:, 1:] < wanted[:, None], axis=1)[:, None]
    missing = wanted - np.take_along_axis(gained, passed, axis=1)[:, 0]
    rate = np.take_along_axis(slope_left, passed, axis=1)[:, 0]
    return np.divide(missing, rate, out=np.full_like(missing, 1e9), where=rate > 0)
