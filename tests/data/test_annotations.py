"""Boxes, masks and maps beside images."""

import dataclasses
import itertools

import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust.data import annotation_maps, load, make_image_data, training_batches
from tfrobust.types import InputError

N = 6
X = np.random.RandomState(0).randint(0, 256, (N, 4, 8, 3)).astype(np.uint8)
Y = np.arange(N) % 3
BOXES = np.tile([0.25, 0.5, 0.75, 1.0], (N, 1))
MASKS = np.random.RandomState(1).randint(0, 2, (N, 4, 8))


def made(**annotations):
    return make_image_data("made", X, Y, X[:3], Y[:3], annotations=annotations)


def test_a_box_is_one_inside_and_minus_one_outside():
    maps = annotation_maps("boxes", made(boxes=BOXES).annotations["boxes"], (4, 8, 3))
    want = -np.ones((4, 8, 3))
    want[1:3, 4:] = 1
    assert maps.shape == X.shape and all(np.array_equal(m, want) for m in maps)
    whole = np.tile([0.0, 0.0, 1.0, 1.0], (N, 1)).astype(np.float32)
    assert np.all(annotation_maps("boxes", whole, (4, 8, 3)) == 1)
    empty = np.tile([0.5, 0.3, 0.5, 0.3], (N, 1)).astype(np.float32)
    assert np.all(annotation_maps("boxes", empty, (4, 8, 3)) == -1)


def test_a_mask_is_one_inside_and_maps_are_themselves():
    maps = annotation_maps("masks", made(masks=MASKS).annotations["masks"], (4, 8, 3))
    assert all(np.array_equal(maps[..., c], 2 * MASKS - 1) for c in range(3))
    given = np.random.RandomState(2).uniform(-1, 1, X.shape)
    np.testing.assert_allclose(
        annotation_maps("maps", made(maps=given).annotations["maps"], (4, 8, 3)), given, atol=1e-3
    )


@pytest.mark.parametrize(
    "kind, values, words",
    [
        ("boxes", BOXES[:3], "boxes_train must be"),
        ("boxes", BOXES * 8, "box 0 is no"),
        ("boxes", BOXES[:, ::-1], "box 0 is no"),
        ("boxes", np.full((N, 4), np.nan), "box 0 is no"),
        ("masks", MASKS[:, :2], "masks_train must be"),
        ("masks", MASKS * 255, "of 0 and 1"),
        ("maps", X, "numbers in"),
        ("maps", np.full((N, 4, 8), np.nan), "numbers in"),
        ("maps", MASKS[..., :1], "maps_train must be"),
        ("boxes", np.array([["a"] * 4] * N), "must hold numbers"),
    ],
)
def test_an_annotation_that_does_not_fit_is_refused(kind, values, words):
    with pytest.raises(InputError, match=words):
        made(**{kind: values})


def test_npz_files_bring_them_and_held_out_images_take_theirs_along(tmp_path):
    np.savez(
        tmp_path / "own.npz", x_train=X, y_train=Y, x_test=X[:3], y_test=Y[:3], boxes_train=BOXES, masks_train=MASKS
    )
    data = load(str(tmp_path / "own.npz"))
    assert set(data.annotations) == {"boxes", "masks"}
    rest = data.holding_out(2)
    assert np.array_equal(rest.annotations["masks"], MASKS[2:]) and len(rest.annotations["boxes"]) == N - 2


def test_maps_stay_beside_their_images_in_the_stream():
    number = np.arange(N, dtype=np.float16)[:, None, None, None, None] / 10
    data = make_image_data("made", np.tile(np.arange(N, dtype=np.uint8)[:, None, None, None], (1, 4, 8, 3)), Y, X, Y)
    data = dataclasses.replace(data, saliency=np.broadcast_to(number, (N, 2, 4, 8, 3)))
    for x, _, s in itertools.islice(training_batches(data, 4, 0).as_numpy_iterator(), 5):
        assert s.shape == (4, 2, 4, 8, 3) and s.dtype == np.float32
        np.testing.assert_allclose(s[:, 1, 0, 0, 0] * 10, x[:, 0, 0, 0] * 255, atol=1e-2)
    assert len(data.holding_out(2).saliency) == N - 2


if __name__ == "__main__":
    run_tests(__file__)
