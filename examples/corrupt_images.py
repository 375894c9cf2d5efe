"""How two networks stand 19 common corruptions, a downstream task: python examples/corrupt_images.py [FOLDER]."""

import os
import sys

import keras

from tfrobust.data import load
from tfrobust.downstream import TaskSettings, run_task
from tfrobust.models import make_model


def main(folder: str = "example_runs", examples: int = 50) -> None:
    """Prints the accuracy under each corruption; leaves the picture in FOLDER/corruptions.png."""
    os.makedirs(folder, exist_ok=True)
    data, networks = load("digits"), {}
    for name, width in (("narrow", 0.25), ("wide", 1.0)):
        keras.utils.set_random_seed(0)
        networks[name] = make_model("digits_cnn", data.shape, data.classes, width)
    settings = TaskSettings(examples=examples, map_examples=min(examples, 20))
    found = run_task("corruptions", networks, data, settings=settings)
    for row in found.rows:
        print(f"{row['corruption']:24}" + "  ".join(f"{name} {row[name]:.1%}" for name in networks))
    found.draw(f"{folder}/corruptions.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
