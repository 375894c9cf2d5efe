"""JPEG and PNG as {"b64": ...}, over HTTP and alone."""

import base64
import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from tests.helpers import run_tests
from tests.serving.clients import Running
from tfrobust.serving.images import decode_image
from tfrobust.types import InputError

COLOUR, GREY = tf.TensorShape([6, 8, 3]), tf.TensorShape([6, 8, 1])
PIXELS = np.random.RandomState(0).randint(0, 256, (6, 8, 3), np.uint8)
PREDICT = "/v1/models/x:predict"


def encoded(image, format_="PNG", **settings):
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, format_, **settings)
    return file.getvalue()


def b64(data):
    return base64.b64encode(data).decode()


def decode(data, shape=COLOUR, dtype=tf.float32, resize=False):
    return decode_image("images", b64(data), shape, dtype, resize)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width, height):
    """A PNG of many pixels in few bytes."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


def test_pixels_are_those_of_the_file():
    np.testing.assert_array_equal(decode(encoded(PIXELS)), PIXELS.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(decode(encoded(PIXELS), dtype=tf.uint8), PIXELS)
    assert decode(encoded(PIXELS), dtype=tf.float16).dtype == np.float16
    jpeg = encoded(PIXELS, "JPEG", quality=95)
    np.testing.assert_array_equal(decode(jpeg, dtype=tf.uint8), tf.io.decode_jpeg(jpeg))


def test_channels_are_those_of_the_model():
    grey = PIXELS[..., 0]
    np.testing.assert_array_equal(decode(encoded(grey), dtype=tf.uint8), np.repeat(grey[..., None], 3, 2))
    np.testing.assert_array_equal(decode(encoded(grey), GREY, tf.uint8), grey[..., None])
    assert decode(encoded(PIXELS), GREY).shape == (6, 8, 1)
    opaque = np.dstack([PIXELS, np.full((6, 8), 255, np.uint8)])
    np.testing.assert_array_equal(decode(encoded(opaque), dtype=tf.uint8), PIXELS)
    palette = Image.fromarray(PIXELS).quantize(16)
    np.testing.assert_array_equal(decode(encoded(palette), dtype=tf.uint8), palette.convert("RGB"))
    deep = np.uint16(PIXELS[..., 0]) * 257
    assert np.abs(decode(encoded(deep), GREY, tf.uint8)[..., 0].astype(int) - grey).max() <= 1


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_jpeg_is_upright(turned):
    smooth = np.uint8(np.add.outer(20 * np.arange(6), 10 * np.arange(8)))
    exif = Image.Exif()
    exif[0x0112] = turned
    data = encoded(smooth, "JPEG", quality=95, exif=exif)
    lying = Image.fromarray(tf.io.decode_jpeg(data).numpy()[..., 0])
    lying.getexif()[0x0112] = turned
    upright = np.asarray(ImageOps.exif_transpose(lying))
    assert upright.shape == ((6, 8) if turned < 5 else (8, 6))
    np.testing.assert_array_equal(decode(data, tf.TensorShape([*upright.shape, 1]), tf.uint8)[..., 0], upright)


def test_resized_only_where_asked():
    large = np.repeat(np.repeat(PIXELS, 4, 0), 4, 1)
    with pytest.raises(InputError, match="image of 6 x 8; got one of 24 x 32"):
        decode(encoded(large))
    got = decode(encoded(large), resize=True)
    assert got.shape == (6, 8, 3) and got.dtype == np.float32 and got.min() >= 0 and got.max() <= 1
    assert np.abs(got - PIXELS / 255).mean() < 0.2
    assert decode(encoded(large), tf.TensorShape([None, None, 3])).shape == (24, 32, 3)


def frames():
    first, *others = (Image.fromarray(np.roll(PIXELS, i, 0)) for i in range(3))
    return encoded(first, save_all=True, append_images=others)


WRONG = {
    "nothing": (b"", "no JPEG or PNG"),
    "text": (b"hello", "no JPEG or PNG"),
    "a GIF": (encoded(PIXELS, "GIF"), "no JPEG or PNG"),
    "a BMP": (encoded(PIXELS, "BMP"), "no JPEG or PNG"),
    "cut PNG": (encoded(PIXELS)[:60], "damaged"),
    "cut head": (encoded(PIXELS, "JPEG")[:20], "no JPEG or PNG"),
    "transparent": (encoded(np.dstack([PIXELS, np.full((6, 8), 9, np.uint8)])), "transparent"),
    "transparent colour": (encoded(PIXELS, transparency=tuple(PIXELS[0, 0].tolist())), "transparent"),
    "print": (encoded(Image.fromarray(PIXELS).convert("CMYK"), "JPEG"), "CMYK"),
    "animation": (frames(), "3 pictures"),
    "bomb": (bomb(30_000, 30_000), "exceeds the limit"),
    "wide bomb": (bomb(2**31 - 1, 1), "exceeds the limit"),
    "small bomb": (bomb(4000, 4000), "6 x 8; got one of 4000 x 4000"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_would_be_another_image_is_refused(name):
    data, words = WRONG[name]
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=words):
            decode(data)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", ["!", "aaa\n!", "ä", None, 3, ["aaaa"], {}, "a"])
def test_what_is_no_base64_is_refused(text):
    with pytest.raises(InputError, match="no base64"):
        decode_image("images", text, COLOUR, tf.float32, False)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server whose model x takes floats of [B,6,8,3] and gives them back; s takes texts, m images and a number."""

    @tf.function(input_signature=[tf.TensorSpec([None, 6, 8, 3], tf.float32, "images")])
    def same(images):
        return {"out": images}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "texts")])
    def texts(texts):
        return {"length": tf.strings.length(texts), "same": texts, "same_bytes": texts}

    @tf.function(
        input_signature=[tf.TensorSpec([None, 6, 8, 3], tf.uint8, "images"), tf.TensorSpec([None], tf.int32, "n")]
    )
    def plus(images, n):
        return {"out": tf.cast(images[:, 0, 0, 0], tf.int32) + n}

    folder = tmp_path_factory.mktemp("models")
    for name, function in ("x", same), ("s", texts), ("m", plus):
        tf.saved_model.save(tf.Module(), str(folder / name / "1"), signatures={"serving_default": function})
    with Running(*(f"--model={folder}/{name}" for name in "xsm")) as server:
        yield server


def test_images_in_every_format(served):
    image, want = {"b64": b64(encoded(PIXELS))}, (PIXELS.astype(np.float32) / np.float32(255)).tolist()
    for body in {"instances": [image] * 2}, {"instances": [{"images": image}] * 2}, {"inputs": [image] * 2}:
        status, answer = served.ask(PREDICT, body)
        assert status == 200 and next(iter(answer.values())) == [want] * 2
    status, answer = served.ask(PREDICT, {"inputs": {"images": [image, image]}})
    assert status == 200 and answer["outputs"] == [want] * 2
    rows = [{"images": image, "n": 1}, {"images": image, "n": 2}]
    first = int(PIXELS[0, 0, 0])
    assert served.ask("/v1/models/m:predict", {"instances": rows}) == (200, {"predictions": [first + 1, first + 2]})
    mixed = {"inputs": {"images": [image, PIXELS.tolist()], "n": [1, 2]}}
    assert served.ask("/v1/models/m:predict", mixed)[0] == 400


@pytest.mark.parametrize(
    "body, words",
    [
        ({"instances": [{"b64": b64(encoded(PIXELS[:5]))}]}, "6 x 8; got one of 5 x 8"),
        ({"instances": [{"b64": "####"}]}, "no base64"),
        ({"instances": [[[{"b64": "aaaa"}]]]}, "shape"),
        ({"inputs": {"b64": b64(encoded(PIXELS))}}, "must be a list"),
        ({"instances": [{"b64": "aaaa", "x": 1}]}, "must have images"),
    ],
)
def test_what_is_wrong_is_said(served, body, words):
    status, answer = served.ask(PREDICT, body)
    assert status == 400 and words in answer["error"] and "\n" not in answer["error"]


def test_a_number_takes_no_image(served):
    image = {"b64": b64(encoded(PIXELS))}
    status, answer = served.ask("/v1/models/m:predict", {"inputs": {"images": [image], "n": [image]}})
    assert status == 400 and "n takes no" in answer["error"]


def test_texts_and_bytes(served):
    given = ["ä", {"b64": b64(b"\xff\x00\x00")}, ""]
    status, answer = served.ask("/v1/models/s:predict", {"instances": given})
    assert status == 200 and [row["length"] for row in answer["predictions"]] == [2, 3, 0]
    assert [row["same"] for row in answer["predictions"]] == given
    assert answer["predictions"][2]["same_bytes"] == {"b64": ""}
    for wrong in [[1]], [["a"]], [None], [{"b64": "!"}], [True]:
        assert served.ask("/v1/models/s:predict", {"instances": wrong})[0] == 400


def test_resizing_by_flag(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([None, 3, 4, 3], tf.float32, "images")])
    def mean(images):
        return {"out": tf.reduce_mean(images, [1, 2, 3])}

    tf.saved_model.save(tf.Module(), str(tmp_path / "x" / "1"), signatures={"serving_default": mean})
    with Running(f"--model={tmp_path}/x", "--resize") as server:
        body = {"instances": [{"b64": b64(encoded(np.full((60, 80, 3), 51, np.uint8)))}]}
        status, answer = server.ask(PREDICT, body)
        assert status == 200 and answer["predictions"][0] == pytest.approx(0.2, abs=1e-6)


if __name__ == "__main__":
    run_tests(__file__)
