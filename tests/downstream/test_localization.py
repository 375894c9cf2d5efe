"""Heat maps, the boxes around them, and how well these fit: in closed form."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import linear_network, run_tests
from tfrobust.attributions import attribute, make_map
from tfrobust.downstream import localization
from tfrobust.downstream.heatmaps import cam, gaussian_filtered, grey, heat_maps, mean_filtered, normalized
from tfrobust.downstream.localization import (
    THRESHOLDS,
    best_threshold,
    box_of,
    boxes_of,
    iou,
    localize,
    max_box_acc,
    max_box_acc_v2,
    overlaps,
)
from tfrobust.models import make_model
from tfrobust.types import InputError

R = np.random.RandomState(0)
WHOLE = (0.0, 0.0, 1.0, 1.0)
NOWHERE = (np.nan,) * 4


def heat(*rectangles, shape=(8, 10)):
    """A map of zeros with rectangles (r0, c0, r1, c1, value), r1 and c1 left out."""
    a = np.zeros(shape)
    for r0, c0, r1, c1, value in rectangles:
        a[r0:r1, c0:c1] = value
    return a


@pytest.mark.parametrize(
    "rectangles, box",
    [
        ([(2, 3, 6, 8, 1.0)], (0.25, 0.3, 0.75, 0.8)),
        ([(0, 0, 8, 10, 0.7)], WHOLE),  # A constant is one object.
        ([(0, 5, 3, 10, 1.0)], (0.0, 0.5, 0.375, 1.0)),  # At two borders.
        ([(4, 7, 5, 8, 1.0)], (0.5, 0.7, 0.625, 0.8)),  # One pixel.
        ([(0, 0, 4, 5, 0.5), (6, 7, 8, 9, 1.0)], (0.0, 0.0, 0.5, 0.5)),  # The larger one, not the hotter one.
        ([(0, 0, 4, 5, 0.1), (6, 7, 8, 9, 1.0)], (0.75, 0.7, 1.0, 0.9)),  # Below the threshold it does not count.
        ([(5, 0, 7, 2, 1.0), (1, 5, 3, 7, 0.5)], (0.125, 0.5, 0.375, 0.7)),  # Of the same size: the first by rows.
        ([(1, 1, 3, 3, 1.0), (3, 3, 5, 5, 1.0)], (0.125, 0.1, 0.625, 0.5)),  # A corner joins.
        ([(0, 0, 8, 10, -1.0), (2, 3, 6, 8, 1.0)], (0.25, 0.3, 0.75, 0.8)),
        ([], None),
        ([(0, 0, 8, 10, -1.0)], None),
    ],
)
def test_the_box_of_a_known_map(rectangles, box):
    a = heat(*rectangles)
    got = box_of(a, 0.2)
    assert got is None if box is None else got == pytest.approx(box)
    np.testing.assert_allclose(boxes_of(a[np.newaxis], 0.2), [NOWHERE if box is None else box])


def test_the_threshold_is_a_part_of_the_maximum():
    a = heat((1, 1, 7, 9, 2.0), (2, 3, 6, 8, 5.0), (3, 4, 4, 5, 10.0))
    assert box_of(a, 0.0) == WHOLE
    for threshold, box in (
        (0.2, (1 / 8, 0.1, 7 / 8, 0.9)),
        (0.21, (0.25, 0.3, 0.75, 0.8)),
        (1.0, (3 / 8, 0.4, 0.5, 0.5)),
    ):
        assert box_of(a, threshold) == pytest.approx(box) == box_of(1e-9 * a, threshold)


@pytest.mark.parametrize(
    "a, b, want",
    [
        (WHOLE, WHOLE, 1.0),
        ((0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1), 0.0),
        ((0, 0, 0.5, 1), WHOLE, 0.5),
        ((0, 0, 0.5, 0.5), (0.25, 0.25, 0.75, 0.75), 1 / 7),
        ((0, 0, 1, 0.6), (0, 0.4, 1, 1), 0.2),
        (WHOLE, (0.5, 0.5, 0.5, 1), 0.0),  # No width.
        ((0.5, 0.5, 0.5, 0.5), (0.5, 0.5, 0.5, 0.5), 0.0),
        (WHOLE, NOWHERE, 0.0),
        (NOWHERE, NOWHERE, 0.0),
        (WHOLE, (1, 1, 0, 0), 0.0),  # Upside down.
        (WHOLE, (-1, -1, 2, 2), 1.0),  # Clipped.
        (WHOLE, (0.5, 0.5, 2, 1.5), 0.25),
        (WHOLE, (1.5, 0, 2, 1), 0.0),
    ],
)
def test_iou(a, b, want):
    assert iou([a], [b]) == pytest.approx([want]) == iou([b], [a])


def test_iou_of_random_boxes_is_symmetric_and_at_most_one():
    corners = np.sort(R.rand(2, 50, 2, 2), axis=2)
    a, b = corners.reshape(2, 50, 4)
    np.testing.assert_array_equal(iou(a, b), iou(b, a))
    np.testing.assert_allclose(iou(a, a), 1.0)
    assert (iou(a, b) >= 0).all() and (iou(a, b) < 1).all() and 0 < iou(a, b).mean()


def test_localize_counts_what_it_says():
    square = heat((2, 2, 6, 6, 1.0), shape=(8, 8))
    maps = np.stack([square, square, square, np.zeros((8, 8)), square, square])
    own, far = (0.25, 0.25, 0.75, 0.75), (0, 0, 0.25, 0.25)
    half = (0.25, 0.25, 0.75, 1.25)  # Clipped it is 6/8 wide: IoU 2/3.
    boxes = [own, own, far, own, half, (0.5, 0.25, 0.5, 0.75)]
    got = localize(maps, boxes, np.array([True, False, True, True, True, True]), 0.2)
    np.testing.assert_allclose(got["iou"], [1, 1, 0, 0, 2 / 3, 0])
    np.testing.assert_allclose(got["boxes"], [own, own, own, NOWHERE, own, own])
    assert (got["gt_known_loc"], got["top1_loc"], got["top1_acc"]) == pytest.approx((3 / 6, 2 / 6, 5 / 6))
    assert got["mean_iou"] == pytest.approx((2 + 2 / 3) / 6)
    assert (got["empty_maps"], got["clipped_boxes"], got["degenerate_boxes"]) == (1, 1, 1)


def test_an_iou_of_one_half_in_float32_is_a_hit():
    maps = np.stack([heat((0, 0, 8, c, 1.0)) for c in (1, 3, 5)])
    boxes = np.array([(0, 0, 1, 0.2), (0, 0, 1, 0.6), WHOLE], np.float32)
    assert localize(maps, boxes, np.ones(3, bool))["gt_known_loc"] == 1


def nested():
    """Maps that fit their boxes between thresholds of 0.4 and 0.6 alone, and these boxes."""
    fields = ((0, 0, 16, 16, 0.4), (4, 2, 12, 10, 0.6), (5, 5, 6, 6, 1.0))
    a = np.stack([heat(*fields, shape=(16, 16)), heat(*fields, shape=(16, 16))[:, ::-1]])
    return a, np.array([(4 / 16, 2 / 16, 12 / 16, 10 / 16), (4 / 16, 6 / 16, 12 / 16, 14 / 16)])


def test_the_best_threshold_is_found():
    a, boxes = nested()
    assert best_threshold(a, boxes) == 0.41
    assert best_threshold(a, boxes, (0.9, 0.5, 0.55)) == 0.5
    assert max_box_acc(a, boxes) == max_box_acc_v2(a, boxes) == 1.0
    fixed = [localize(a, boxes, np.ones(2, bool), t)["gt_known_loc"] for t in (0.2, 0.5, 0.9)]
    assert fixed == [0.0, 1.0, 0.0]
    assert max_box_acc(a, boxes, (0.1, 0.9)) == 0.0


def test_max_box_acc_is_no_less_than_any_threshold_gives():
    a = gaussian_filtered(R.rand(20, 12, 12), 1.5)
    corners = np.sort(R.rand(20, 2, 2), axis=1).reshape(20, 4)
    each = [localize(a, corners, np.ones(20, bool), t)["gt_known_loc"] for t in THRESHOLDS[::10]]
    assert max_box_acc(a, corners) >= max_box_acc(a, corners, THRESHOLDS[::10]) == max(each)
    assert max_box_acc(a, corners, delta=0.3) >= max_box_acc(a, corners, delta=0.7)
    largest = overlaps(a, corners, (0.3, 0.6))
    assert (overlaps(a, corners, (0.3, 0.6), any_component=True) >= largest).all() and largest.shape == (2, 20)
    by_delta = [max_box_acc(a, corners, delta=delta) for delta in localization.DELTAS]
    assert max_box_acc_v2(a, corners) >= np.mean(by_delta)


def test_any_component_may_fit():
    a = heat((0, 0, 4, 5, 1.0), (6, 6, 8, 9, 1.0))[np.newaxis]
    boxes = [(0.75, 0.6, 1.0, 0.9)]
    assert overlaps(a, boxes, [0.5]) == 0 and overlaps(a, boxes, [0.5], any_component=True) == pytest.approx(1)
    assert overlaps(0 * a, boxes, [0.5], any_component=True) == 0


def test_grey_is_the_mean_of_absolute_values():
    np.testing.assert_allclose(grey([[[[1.0, -2.0, 0.0]]]]), [[[1.0]]])


def test_normalized_spans_zero_to_one_and_counts_flat_maps():
    a = R.randn(5, 9, 9) * [[[1e-6]], [[1.0]], [[1e6]], [[0.0]], [[0.0]]] + [[[0]], [[0]], [[0]], [[0]], [[3.3]]]
    got, flat = normalized(a)
    assert flat.tolist() == [False, False, False, True, True] and not got[flat].any()
    np.testing.assert_allclose(got[:3].min(axis=(1, 2)), 0)
    np.testing.assert_allclose(got[:3].max(axis=(1, 2)), 1)
    low, high = np.percentile(a[1], [2, 98])
    np.testing.assert_allclose(got[1], (a[1].clip(low, high) - low) / (high - low))
    np.testing.assert_allclose(normalized(a[1:2], 0, 100)[0], (a[1:2] - a[1].min()) / np.ptp(a[1]))
    one = heat((4, 4, 5, 5, 1.0), shape=(9, 9))[np.newaxis]
    assert normalized(one)[1].all() and np.array_equal(normalized(one, 0, 100)[0], one)


def test_the_mean_filter_of_a_delta_and_of_an_edge():
    a = heat((4, 4, 5, 5, 1.0), shape=(9, 9))
    np.testing.assert_allclose(mean_filtered(a[np.newaxis])[0], heat((3, 3, 6, 6, 1 / 9), shape=(9, 9)))
    corner = mean_filtered(heat((0, 0, 1, 1, 1.0))[np.newaxis])[0]
    np.testing.assert_allclose(corner[:3, :3], [[4 / 9, 2 / 9, 0], [2 / 9, 1 / 9, 0], [0, 0, 0]])
    np.testing.assert_allclose(mean_filtered(np.full((2, 4, 4), 3.0)), 3.0)
    assert np.array_equal(mean_filtered(np.stack([a, 0 * a]))[1], 0 * a)  # Maps do not mix.


def test_the_gaussian_filter_keeps_the_sum_and_widens():
    a = heat((10, 10, 11, 11, 1.0), shape=(21, 21))[np.newaxis]
    got = gaussian_filtered(a, 1.5)[0]
    assert got.sum() == pytest.approx(1) and got[10, 11] / got[10, 10] == pytest.approx(np.exp(-1 / 4.5))
    assert np.array_equal(gaussian_filtered(a, 0), a)
    np.testing.assert_allclose(gaussian_filtered(np.full((2, 6, 6), 3.0), 2), 3.0)


def gap_network(activation=None):
    """16x16 images: 1x1 filters x -> (relu(x - 0.5), relu(0.5 - x)), their means, weights [[2, -1, 0], [-3, 1, 0]]."""
    inputs = keras.Input((16, 16, 1))
    x = layers.ReLU()(layers.Conv2D(2, 1)(inputs))
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    network = keras.Model(inputs, layers.Dense(3, activation=activation)(x))
    weights = np.array([[2, -1, 0], [-3, 1, 0]], np.float32)
    network.set_weights([np.array([[[[1, -1]]]], np.float32), np.array([-0.5, 0.5], np.float32), weights, np.ones(3)])
    return network


def test_cam_is_that_of_hand():
    x = R.rand(5, 16, 16, 1).astype(np.float32)
    y = np.array([0, 1, 2, 1, 0])
    got = cam(gap_network(), x, y, batch_size=2)
    features = np.concatenate([x - 0.5, 0.5 - x], axis=-1).clip(0)
    weights = np.array([[2, -1, 0], [-3, 1, 0]])[:, y]
    np.testing.assert_allclose(got * 16**2, np.einsum("nhwk,kn->nhw", features, weights), atol=1e-5)
    np.testing.assert_allclose(got.sum(axis=(1, 2)) + 1, gap_network()(x).numpy()[np.arange(5), y], atol=1e-5)


def test_a_network_that_looks_at_a_bright_square_finds_it():
    """The image is bright in the square alone; both the gradient and CAM of class 0 are positive there alone."""
    tops, lefts = R.randint(0, 8, (2, 12))
    x = R.uniform(0.1, 0.4, (12, 16, 16, 1)).astype(np.float32)
    for i, (top, left) in enumerate(zip(tops, lefts)):
        x[i, top : top + 8, left : left + 8] = R.uniform(0.8, 1.0, (8, 8, 1))
    boxes = np.stack([tops, lefts, tops + 8, lefts + 8], axis=1) / 16
    network = gap_network()
    network.set_weights(
        [w if i != 2 else np.array([[2, -1, 0], [0, 1, 0]]) for i, w in enumerate(network.get_weights())]
    )
    y, correct = np.zeros(12, np.int32), np.ones(12, bool)
    gradients, flat = heat_maps(attribute(network, make_map("gradient"), tf.constant(x), tf.constant(y)))
    assert not flat.any()
    for maps in (gradients, normalized(cam(network, x, y))[0]):
        got = localize(maps, boxes, correct, 0.4)
        assert got["iou"].min() >= 0.5 and got["top1_loc"] == 1.0
    blurred, _ = heat_maps(attribute(network, make_map("gradient"), tf.constant(x), tf.constant(y)), sigma=1.0)
    assert localize(blurred, boxes, correct, 0.4)["top1_loc"] == 1.0


def test_the_networks_of_the_papers_have_cam_where_they_end_in_global_average_pooling():
    network = make_model("vgg_gap", (16, 16, 3), 4, 0.02)
    x = R.rand(2, 16, 16, 3).astype(np.float32)
    got = cam(network, x, [0, 3])
    assert got.shape == (2, 16, 16) and np.isfinite(got).all()


def nan(shape):
    return np.full(shape, np.nan)


A, BOXES, RIGHT = np.ones((2, 4, 4)), np.array([WHOLE, WHOLE]), np.ones(2, bool)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: grey(np.ones((4, 4))),
        lambda: grey(nan((1, 4, 4, 3))),
        lambda: normalized(np.ones((1, 4, 4, 3))),
        lambda: normalized(A, 98, 2),
        lambda: mean_filtered(np.ones((0, 4, 4))),
        lambda: gaussian_filtered(A, -1),
        lambda: gaussian_filtered(A, np.nan),
        lambda: box_of(nan((4, 4)), 0.2),
        lambda: box_of(A, 0.2),
        lambda: box_of(A[0], 1.1),
        lambda: boxes_of([[["a"]]], 0.2),
        lambda: iou(BOXES, BOXES[:1]),
        lambda: iou(WHOLE, WHOLE),
        lambda: localize(nan((2, 4, 4)), BOXES, RIGHT),
        lambda: localize(A, BOXES[:1], RIGHT),
        lambda: localize(A, nan((2, 4)), RIGHT),
        lambda: localize(A, BOXES[:, ::-1], RIGHT),
        lambda: localize(A, BOXES, RIGHT[:1]),
        lambda: localize(A, BOXES, np.ones(2)),
        lambda: max_box_acc(A, BOXES, ()),
        lambda: best_threshold(A, BOXES, (0.5, 1.5)),
        lambda: best_threshold(A, BOXES, ()),
        lambda: cam(linear_network(np.ones((4, 4, 1, 3))), np.ones((1, 4, 4, 1), np.float32), [0]),
        lambda: cam(gap_network("softmax"), np.ones((1, 16, 16, 1), np.float32), [0]),
        lambda: cam(gap_network(), np.ones((1, 16, 16, 1), np.float32), [3]),
        lambda: cam(gap_network(), np.ones((2, 16, 16, 1), np.float32), [0]),
        lambda: cam(gap_network(), 255 * np.ones((1, 16, 16, 1), np.float32), [0]),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(wrong):
    with pytest.raises(InputError) as e:
        wrong()
    assert "\n" not in str(e.value)


if __name__ == "__main__":
    run_tests(__file__)
