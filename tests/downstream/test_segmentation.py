"""Masks of heat maps and how well they fit true ones: in closed form."""

import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust.downstream.localization import iou
from tfrobust.downstream.segmentation import boxes_as_masks, mask_iou, mask_of, segment
from tfrobust.types import InputError

R = np.random.RandomState(0)


def rectangle(r0, c0, r1, c1, shape=(8, 8)):
    mask = np.zeros(shape, bool)
    mask[r0:r1, c0:c1] = True
    return mask


def test_the_mask_of_a_map_is_where_it_reaches_a_part_of_its_maximum():
    a = np.array([[[0.0, 1.0], [2.0, 10.0]], [[0, 0], [0, 0]], [[-1, -2], [-3, -1]], [[3, 3], [3, 3]]])
    assert mask_of(a, 0.2).reshape(4, 4).tolist() == [[False, False, True, True], [False] * 4, [False] * 4, [True] * 4]
    assert mask_of(a, 1.0).sum(axis=(1, 2)).tolist() == [1, 0, 0, 4]
    assert mask_of(a, 0.0).sum(axis=(1, 2)).tolist() == [4, 0, 0, 4]


def test_iou_of_masks():
    a = np.stack([rectangle(0, 0, 4, 4), rectangle(0, 0, 4, 4), rectangle(0, 0, 2, 2), rectangle(0, 0, 0, 0)])
    b = np.stack([rectangle(0, 0, 4, 4), rectangle(2, 2, 6, 6), rectangle(4, 4, 6, 6), rectangle(0, 0, 0, 0)])
    np.testing.assert_allclose(mask_iou(a, b), [1, 4 / 28, 0, 0])
    np.testing.assert_array_equal(mask_iou(a, b), mask_iou(b.astype(np.uint8), a))


def test_segment_leaves_empty_masks_out_and_counts_them():
    a = np.stack([rectangle(0, 0, 4, 4)] * 4 + [rectangle(0, 0, 0, 0)] * 2).astype(float)
    none = rectangle(0, 0, 0, 0)
    masks = np.stack([rectangle(0, 0, 4, 4), rectangle(0, 0, 4, 8), rectangle(0, 0, 4, 4), none, a[0] > 0, none])
    got = segment(a, masks, np.array([True, True, False, True, True, False]))
    np.testing.assert_allclose(got["iou"], [1, 0.5, 1, np.nan, 0, np.nan])
    assert (got["mean_iou"], got["gt_known_seg"], got["top1_seg"], got["top1_acc"]) == (0.625, 0.75, 0.5, 0.75)
    assert (got["empty_masks"], got["empty_maps"]) == (2, 1)


def test_the_mask_of_a_box_on_the_pixels_grid_has_its_iou():
    edges = np.sort(R.randint(0, 9, (2, 40, 2, 2)), axis=2).reshape(2, 40, 4) / 8
    a, b = (boxes_as_masks(boxes, (8, 8)) for boxes in edges)
    np.testing.assert_allclose(mask_iou(a, b), iou(*edges), atol=1e-6)
    assert np.array_equal(boxes_as_masks([(0.25, 0.5, 0.5, 1)], (8, 4))[0], rectangle(2, 2, 4, 4, (8, 4)))


A, MASKS, RIGHT = np.ones((2, 4, 4)), np.ones((2, 4, 4), bool), np.ones(2, bool)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: mask_of(np.ones((4, 4)), 0.2),
        lambda: mask_of(np.nan * A, 0.2),
        lambda: mask_of(A, -0.1),
        lambda: mask_of(A, np.nan),
        lambda: mask_iou(MASKS, MASKS[:1]),
        lambda: mask_iou(MASKS, 2 * MASKS.astype(int)),
        lambda: mask_iou(MASKS, A / 2),
        lambda: mask_iou(MASKS[0], MASKS[0]),
        lambda: segment(A, ~MASKS, RIGHT),
        lambda: segment(A, MASKS[:1], RIGHT),
        lambda: segment(A, MASKS, RIGHT[:1]),
        lambda: segment(A, MASKS, [1, 0]),
        lambda: boxes_as_masks([(0, 0, 1, 1.5)], (4, 4)),
        lambda: boxes_as_masks((0, 0, 1, 1), (4, 4)),
        lambda: boxes_as_masks([(0, 0, 1, 1)], (4, 4, 3)),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(wrong):
    with pytest.raises(InputError) as e:
        wrong()
    assert "\n" not in str(e.value)


if __name__ == "__main__":
    run_tests(__file__)
