"""Small archives laid out like the published ones, made anew by each test.

Each `*_files` gives archive -> path in it -> bytes, which a test may change; `pack` writes them.
"""

import hashlib
import io
import os
import struct
import tarfile
import zipfile
import zlib

import numpy as np
import tensorflow as tf

BRIGHT, DARK = 230, 20


def noise(seed: int, height: int, width: int, channels: int = 3):
    return np.random.RandomState(seed).randint(0, 256, (height, width, channels)).astype(np.uint8)


def square(height: int, width: int, top: int, left: int, bottom: int, right: int):
    """A bright rectangle, rows top to bottom - 1, on a dark image [height,width,3]."""
    image = np.full((height, width, 3), DARK, np.uint8)
    image[top:bottom, left:right] = BRIGHT
    return image


def jpeg(image) -> bytes:
    return tf.io.encode_jpeg(image, quality=100).numpy()


def ppm(image) -> bytes:
    return b"P6\n%d %d\n255\n" % (image.shape[1], image.shape[0]) + image.tobytes()


def palette_png(indices, colours) -> bytes:
    """A PNG with a palette, as the trimaps are; indices [H,W] into colours [(r, g, b)]."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = indices.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in indices)
    palette, opaque = bytes(np.ravel(colours).tolist()), b"\xff" * len(colours)
    chunks = (b"IHDR", header), (b"PLTE", palette), (b"tRNS", opaque), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in chunks)


def pack(folder, files, archives) -> dict:
    """archive -> file it was written to; packed as the builder's `archives` are."""
    os.makedirs(folder, exist_ok=True)
    paths = {}
    for name, contents in files.items():
        ending = ".zip" if ".zip" in archives[name].url else ".tgz"
        paths[name] = os.path.join(folder, name + ending)
        if ending == ".zip":
            with zipfile.ZipFile(paths[name], "w") as packed:
                for path, data in contents.items():
                    packed.writestr(path, data)
        else:
            with tarfile.open(paths[name], "w:gz") as packed:
                for path, data in contents.items():
                    member = tarfile.TarInfo(path)
                    member.size = len(data)
                    packed.addfile(member, io.BytesIO(data))
    return paths


def md5(path) -> str:
    with open(path, "rb") as file:
        return hashlib.md5(file.read()).hexdigest()


def as_made(archives, paths) -> dict:
    """A builder's `archives` with the made files' md5 and number in the place of the published ones."""
    return {name: a._replace(md5=a.md5 and md5(paths[name]), files=1) for name, a in archives.items()}


GTSRB = {"CLASSES": 2, "SIZES": {"train": 4, "test": 3}}
GTSRB_COLUMNS = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"


def gtsrb_files():
    """Two classes of two tracks of one image, three test images; training images of class 1 are bright squares."""
    train = {}
    for c in range(2):
        rows = [GTSRB_COLUMNS]
        for t in range(2):
            image = square(64, 128, 16, 32, 48, 96) if c else noise(t, 40, 30)
            roi = (32, 16, 96, 48) if c else (5, 6, 25, 34)
            name = f"{t:05d}_00000.ppm"
            train[f"GTSRB/Final_Training/Images/{c:05d}/{name}"] = ppm(image)
            rows.append(";".join(map(str, (name, image.shape[1], image.shape[0], *roi, c))))
        train[f"GTSRB/Final_Training/Images/{c:05d}/GT-{c:05d}.csv"] = "\r\n".join(rows).encode()
    test = {f"GTSRB/Final_Test/Images/{n:05d}.ppm": ppm(noise(10 + n, 33, 31)) for n in range(3)}
    rows = [GTSRB_COLUMNS] + [f"{n:05d}.ppm;31;33;5;5;26;28;{n % 2}" for n in range(3)]
    return {"train": train, "test": test, "test_labels": {"GT-final_test.csv": "\r\n".join(rows).encode()}}


FLOWER17 = {"CLASSES": 2, "PER_CLASS": 5, "TEST_PER_CLASS": 2}
TRIMAP_COLOURS = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (0, 0, 128)]


def flower17_files():
    """Two classes of five photographs; every photograph of the second class is a bright square with a trimap: 1 on the
    square, 2 in a frame around it, 3 elsewhere."""
    photos, trimaps = {"jpg/files.txt": b"image_0001.jpg\n"}, {"trimaps/imlist.mat": b"not read"}
    for n in range(1, 11):
        image = noise(n, 50, 70) if n <= 5 else square(256, 512, 64, 128 + 4 * n, 192, 384)
        photos[f"jpg/image_{n:04d}.jpg"] = jpeg(image)
        if n > 5:
            inside = image[..., 0] == BRIGHT
            trimap = np.full(inside.shape, 3)
            trimap[60:196, 100:400] = 2
            trimap[inside] = 1
            trimaps[f"trimaps/image_{n:04d}.png"] = palette_png(trimap, TRIMAP_COLOURS)
    return {"photos": photos, "trimaps": trimaps}


TINY_IMAGENET = {"CLASSES": 2, "SIZES": {"train": 4, "validation": 2}}


def tiny_imagenet_files():
    """Two classes of two training images and one validation image, which is grey in one and a bright square in the
    other; wnids.txt in an order of its own."""
    root, files = "tiny-imagenet-200", {}
    files[f"{root}/wnids.txt"] = b"n02\nn01\n"
    for c, wnid in enumerate(("n01", "n02")):
        rows = []
        for i in range(2):
            name = f"{wnid}_{i}.JPEG"
            files[f"{root}/train/{wnid}/images/{name}"] = jpeg(noise(2 * c + i, 64, 64))
            rows.append(f"{name}\t0\t{10 + i}\t62\t63")
        files[f"{root}/train/{wnid}/{wnid}_boxes.txt"] = "\n".join(rows).encode() + b"\n"
    files[f"{root}/val/images/val_0.JPEG"] = jpeg(square(64, 64, 32, 8, 48, 24))
    files[f"{root}/val/images/val_1.JPEG"] = jpeg(noise(9, 64, 64, 1))
    files[f"{root}/val/val_annotations.txt"] = b"val_0.JPEG\tn02\t8\t32\t23\t47\nval_1.JPEG\tn01\t63\t0\t63\t63\n"
    files[f"{root}/test/images/test_0.JPEG"] = b"not read"
    return {"all": files}


CUB200 = {"CLASSES": 2, "SIZES": {"train": 3, "test": 2}}


def cub200_files():
    """Two classes, five photographs: 1 to 3 train (3 is grey), 4 and 5 test (4 a bright square, 5 with a box that
    reaches to the photograph's edges)."""
    root, files = "CUB_200_2011", {"attributes.txt": b"not read"}
    images = [
        noise(1, 60, 80),
        noise(2, 80, 60),
        noise(3, 70, 70, 1),
        square(512, 1024, 64, 256, 256, 512),
        noise(5, 90, 50),
    ]
    boxes = [
        "10.0 20.0 30.0 25.0",
        "1.0 1.0 40.0 60.0",
        "20.0 20.0 30.0 30.0",
        "256.0 64.0 256.0 192.0",
        "0.0 0.0 50.0 90.0",
    ]
    names = [f"{1 + i % 2:03d}.Bird/Bird_{i}.jpg" for i in range(5)]
    for name, image in zip(names, images):
        files[f"{root}/images/{name}"] = jpeg(image)
    tables = {"images": names, "bounding_boxes": boxes, "train_test_split": "11100"}
    for table, rows in tables.items():
        files[f"{root}/{table}.txt"] = "".join(f"{i} {row}\n" for i, row in enumerate(rows, 1)).encode()
    return {"all": files}
