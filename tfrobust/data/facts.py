"""One table of facts per data set: what the arrays must look like, whatever source they come from."""

from typing import NamedTuple, Optional, Tuple


class Facts(NamedTuple):
    """shape (H, W, C), number of classes, images in the train and test split, TFDS name (None: not in TFDS)."""

    shape: Tuple[int, int, int]
    classes: int
    train: int
    test: int
    tfds: Optional[str]
    about: str


FACTS = {
    "digits": Facts((8, 8, 1), 10, 1400, 397, None, "scikit-learn's bundled 8x8 scans; always there"),
    "mnist": Facts((28, 28, 1), 10, 60000, 10000, "mnist", "handwritten digits (RAR C.1.1)"),
    "fashion_mnist": Facts((28, 28, 1), 10, 60000, 10000, "fashion_mnist", "clothing (RAR C.1.2)"),
    "cifar10": Facts((32, 32, 3), 10, 50000, 10000, "cifar10", "photographs (ART, SAT)"),
}
