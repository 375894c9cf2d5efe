"""One table of facts per data set: what the arrays must look like, whatever source they come from."""

from typing import NamedTuple


class Facts(NamedTuple):
    """shape (H, W, C), number of classes, images in the train and test split, TFDS name (None: not in TFDS)."""

    shape: tuple[int, int, int]
    classes: int
    train: int
    test: int
    tfds: str | None
    about: str


FACTS = {
    "digits": Facts((8, 8, 1), 10, 1400, 397, None, "scikit-learn's bundled 8x8 scans; always there"),
    "mnist": Facts((28, 28, 1), 10, 60000, 10000, "mnist", "handwritten digits (RAR C.1.1)"),
    "fashion_mnist": Facts((28, 28, 1), 10, 60000, 10000, "fashion_mnist", "clothing (RAR C.1.2)"),
    "cifar10": Facts((32, 32, 3), 10, 50000, 10000, "cifar10", "photographs (ART, FAR, SAT)"),
    "cifar100": Facts((32, 32, 3), 100, 50000, 10000, "cifar100", "photographs (SAT)"),
    "svhn": Facts((32, 32, 3), 10, 73257, 26032, "svhn_cropped", "house numbers (ART A.3)"),
    "gtsrb": Facts((32, 32, 3), 43, 39209, 12630, "gtsrb", "traffic signs (RAR C.1.3); the papers hold out 4,410"),
    "flower17": Facts((128, 128, 3), 17, 1224, 136, "flower17", "flowers, some with masks (RAR C.1.4, SAT)"),
    "tiny_imagenet": Facts((64, 64, 3), 200, 100000, 10000, "tiny_imagenet", "photographs with boxes (SAT)"),
    "restricted_imagenet": Facts((224, 224, 3), 9, 257748, 10150, "restricted_imagenet", "nine super-classes (FAR)"),
    "cub200": Facts((224, 224, 3), 200, 5994, 5794, "cub200", "birds with boxes (ART B)"),
}
