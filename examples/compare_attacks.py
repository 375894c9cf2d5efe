"""Sets the kinds of attack on one network side by side.

    python examples/compare_attacks.py [NETWORK.keras [DATA [FOLDER [EPS [IMAGES [STEPS [PIXELS [POINTS [SIDE]]]]]]]]]

Black-box searches, as `tfrobust.audit_callable` makes them, the papers' attack, a sparse and a universal one (also on
images that it was not found on), and the dual attack, whose prediction flips while its map stays.
"""

import sys

import keras
import numpy as np

from tfrobust.attacks import Dual, Ifia, MapAttack, Noise, Sparse, Squares, Stripes, TopK, Universal
from tfrobust.attributions import make_map
from tfrobust.data import load, to_unit
from tfrobust.evaluation.dual import dual_scores
from tfrobust.evaluation.predictions import predict
from tfrobust.models import make_model
from tfrobust.networks import load_network
from tfrobust.similarity import Comparison


def attacks_on_maps(eps: float, k: int, steps: int, pixels: int) -> dict[str, MapAttack]:
    """The attacks on maps, by name."""
    goal, climb = TopK(k), {"softplus_beta": 30.0, "curvature_only": True}
    return {
        "noise, one draw": Noise(eps),
        "one query of stripes": Stripes(eps),
        f"squares, {2 * steps} queries": Squares(eps, 2 * steps),
        f"IFIA top-k, {steps} steps": Ifia(eps, steps, eps / 10, goal=goal, random_start=True, **climb),
        f"sparse, {pixels} pixels": Sparse(1.0, pixels, goal=goal, **climb),
        f"universal, {steps} steps": Universal(eps, steps, eps / 10, goal=goal, **climb),
    }


def main(  # noqa: PLR0917  In the order of the words on the command line.
    path=None, data="digits", folder=None, eps=0.3, images=20, steps=20, pixels=10, points=10, side=None
) -> None:
    """Prints a line for each attack; an untrained network stands in where none is given."""
    given = load(data, folder, image_size=side and int(side))
    keras.utils.set_random_seed(0)
    network = load_network(path) if path else make_model("digits_cnn", given.shape, given.classes)
    x = to_unit(given.x_test)
    y = given.y_test if path else predict(network, x, 100)
    chosen = np.random.RandomState(0).permutation(len(x))
    chosen = chosen[predict(network, x[chosen], 100) == y[chosen]][: 2 * int(images)]
    (x, y), (eps, images, steps) = (x[chosen], y[chosen].astype(np.int32)), (float(eps), int(images), int(steps))
    spec, k = make_map("integrated_gradients", steps=int(points)), max(1, x[0, ..., 0].size // 8)
    for name, attack in attacks_on_maps(eps, k, steps, int(pixels)).items():
        ready = attack.on_maps(network, spec, Comparison(k=k))
        say(name, ready(x[:images], y[:images]), k)
        if isinstance(attack, Universal):
            v, keeper = ready.perturbation(x[:images], y[:images]), ready.keeper(x[images:], y[images:], ("kendall",))
            keeper.offer(ready.with_perturbation(x[images:], v))
            say("universal, on other images", keeper.found_maps(), k)
    for weight in (0.0, 10.0):
        attack = Dual(eps, steps, eps / 10, map_weight=weight, map=spec)
        found = dual_scores(network, x[:images], y[:images], attack, Comparison(k=k))
        flipped = found["prediction"] != y[:images]
        means = ", ".join(f"{key} {np.nanmean(v):.3f}" for key, v in found.items() if key != "prediction")
        print(f"dual, weight {weight:g}: {flipped.mean():.0%} flip; {means}")


def say(name: str, maps, k: int) -> None:
    """Prints what an attack found."""
    scores = Comparison(k=k).measure(maps.a, maps.a_adv)
    means = ", ".join(f"{key} {scores[key].mean():.3f}" for key in ("kendall", "spearman", "top_k_intersection"))
    print(f"{name}: {means}; {np.mean(maps.counted):.0%} of {len(maps)} images count")


if __name__ == "__main__":
    main(*sys.argv[1:])
