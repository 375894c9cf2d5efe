"""Sets maps of one network side by side: how far a search with squares and IFIA move each, and what each is worth.

    python examples/compare_maps.py [NETWORK [DATA [FOLDER [OUTPUT [EPS [IMAGES [STEPS [MASKS [LAYER [SIDE]]]]]]]]]]

Integrated Gradients, the gradient, Occlusion and RISE, and Grad-CAM at the last feature maps and at LAYER, which may be
one of a model within the network (MODEL/LAYER).  Deletion and the map of shuffled weights stand beside the attacks, and
how far a map depends on its reference.  OUTPUT is a folder for a picture.  A word that is "-" is left out.
"""

import os
import sys

import keras
import numpy as np

from tfrobust import report
from tfrobust.attacks import Ifia, Squares, TopK
from tfrobust.attributions import MapSpec, make_map
from tfrobust.data import load, to_unit
from tfrobust.evaluation import Evaluation, MapTask, Suite, evaluate
from tfrobust.evaluation.predictions import predict
from tfrobust.models import make_model
from tfrobust.networks import load_fitting_network
from tfrobust.similarity import Comparison

CHUNK = 20  # Masked copies and path points of each image that are held at once.


def maps(masks: int, layer: str | None) -> dict[str, MapSpec]:
    """The maps, by name."""
    return {
        "integrated gradients": make_map(steps=30),
        "gradient": make_map("gradient"),
        "occlusion": make_map("occlusion"),
        "rise": make_map("rise", masks=masks, score="probability"),
        "grad_cam": make_map("grad_cam"),
        **({f"grad_cam at {layer}": make_map("grad_cam", layer=layer)} if layer else {}),
    }


def suite(eps: float, images: int, steps: int, k: int, specs: dict[str, MapSpec]) -> Suite:
    """Squares of three times as many queries as IFIA has steps, and IFIA, on each map."""
    ifia = Ifia(eps, steps, eps / 10, goal=TopK(k), softplus_beta=30.0, random_start=True, keep_label=True)
    attacks = {f"squares, {3 * steps} queries": Squares(eps, 3 * steps), f"IFIA, {steps} steps": ifia}
    tasks = {
        f"{name}: {what}": MapTask(spec, attack, Comparison(k=k))
        for name, spec in specs.items()
        for what, attack in attacks.items()
    }
    settings = {"attribution_examples": images, "doubled": 0, "aligned": False, "referenced": True}
    return Suite("maps", attributions=tasks, examples=2 * images, **settings)


def say(result: Evaluation) -> None:
    """Prints a line for each attack on a map, and what the maps say without an attack."""
    for name, own in result.summary.items():
        if name in result.suite.attributions:
            means = ", ".join(f"{key} {own[key]['mean']:.3f}" for key in ("kendall", "spearman", "top_k_intersection"))
            flags = [flag.name for flag in result.flags[name] if flag.raised]
            noise = f"noise {own['noise_kendall']['mean']:.3f}"
            print(f"{name}: {means}; {noise}; {own['examples']} images; {', '.join(flags) or 'no flag'}")
        elif name != "natural":
            print(f"{name}: " + ", ".join(f"{key} {v['mean']:.3f}" for key, v in own.items() if isinstance(v, dict)))
    for method, own in result.references.items():
        for row in own.rows():
            print(f"{method} with {row['with']}: " + ", ".join(f"{k} {v:.3f}" for k, v in row.items() if k != "with"))


def draw(result: Evaluation, folder: str) -> None:
    """A picture of the first image's maps, before and after each attack."""
    os.makedirs(folder, exist_ok=True)
    panels = [report.panel_of(maps, 0, name) for name, maps in result.maps.items()]
    report.draw_pages(panels, os.path.join(folder, "maps.png"), "maps of one image, before and after each attack", 1)


def main(  # noqa: PLR0917  In the order of the words on the command line.
    path=None, data="digits", folder=None, output=None, eps=0.1, images=8, steps=4, masks=40, layer=None, side=None
) -> None:
    """Evaluates; an untrained network stands in where none is given."""
    given = load(data, folder, image_size=side and int(side))
    keras.utils.set_random_seed(0)
    network = load_fitting_network(path) if path else make_model("digits_cnn", given.shape, given.classes)
    x = to_unit(given.x_test)
    y = given.y_test if path else predict(network, x, 100)
    k = max(1, x[0, ..., 0].size // 8)
    own = suite(float(eps), int(images), int(steps), k, maps(int(masks), layer))
    result = evaluate(network, x, y.astype(np.int32), own, chunk=CHUNK)
    say(result)
    if output:
        draw(result, output)


if __name__ == "__main__":
    main(*(None if word == "-" else word for word in sys.argv[1:]))
