"""Networks as people have them go through every door, or are refused by a line that says why (docs/networks.md).

write_page makes its table anew.
"""

import os
import re

import keras
import numpy as np
import pytest

import tfrobust
from launch.command_line.given_networks import given_network
from tests.helpers import ROOT, run_tests, shorten_audits, without_graphs
from tests.networks.networks_people_have import NETWORKS, images_of, policy
from tfrobust.attributions import make_map
from tfrobust.auditing import inputs, make_inputs, measure, plan, reach_verdict
from tfrobust.networks import contracted, input_shape, inspect_network, unfolded
from tfrobust.networks.walk import flat
from tfrobust.serving import Servable
from tfrobust.types import InputError

PAGE = os.path.join(ROOT, "docs", "networks.md")
TABLE = re.compile(r"\| network \|.*?\n\n", re.DOTALL)
LABELS = np.arange(4) % 2


def attribute(case, network, x):
    assert np.isfinite(tfrobust.attribute(network, x, steps=2, head=case.head)).all()


def robustify(case, network, x):
    model = tfrobust.robustify(network, "natural", head=case.head)
    model.compile()
    if plan.MAPS:
        model.fit(x, LABELS, verbose=0)


def export(case, network, x):
    size = (8, 8) if inspect_network(network).shape[0] is None else None
    Servable(contracted(network, head=case.head), make_map(steps=2), size)


def audit(case, network, x):
    """A whole audit, with one step of each attack, of the classes that the network itself predicts; of no map: the
    door alone.

    The look at what a step costs is left out, as it attacks the same maps, four times; and so is the attack with twice
    the steps, for which there is no time.
    """
    pixels = inspect_network(network).pixels or "0..1"
    if not plan.MAPS:
        make_inputs(network, x, LABELS, pixels=pixels, head=case.head)
        return
    y = own_labels(case, network, x)
    with pytest.MonkeyPatch.context() as patch:
        shorten_audits(patch, steps=1, pgd_steps=1)
        measured = measure(network, x, y, pixels=pixels, eps=(4 / 255,), images=1, head=case.head)
    attacked = {record["task"] for record in measured.records if "top_k_intersection" in record}
    assert attacked == {f"{name} at 4/255" for name in plan.MAPS} and reach_verdict(measured).headline


def own_labels(case, network, x):
    """What it predicts, as maps of wrong predictions are not attacked; LABELS where it is refused."""
    try:
        adopted = contracted(network, head=case.head)
    except InputError:
        return LABELS
    return np.argmax(adopted(unfolded(x, input_shape(network))), axis=1)


DOORS = (attribute, robustify, export, audit)


def outcome(name):
    """(door -> whether it took the network, the different refusals, without the network's name)."""
    case = NETWORKS[name]
    network, x, took, refusals = case.make(), images_of(case), {}, []
    before = [np.array(w) for w in network.get_weights()]
    for door in DOORS:
        try:
            door(case, network, x)
            took[door] = True
        except InputError as e:
            took[door] = False
            refusals.append(re.sub(r"(the )?network '\w+'", "the network", str(e)))
    assert all(map(np.array_equal, before, network.get_weights())), "it stays as it is"
    return took, list(dict.fromkeys(refusals))


def row(name) -> str:
    took, refusals = outcome(name)
    cells = ["works" if took[door] else "refused" for door in DOORS]
    return f"| {name} | {' | '.join(cells)} | {'; '.join(refusals).replace('|', chr(92) + '|')} |"


def rows_of_the_page():
    with open(PAGE, encoding="utf-8") as file:
        lines = TABLE.search(file.read() + "\n\n")[0].splitlines()[2:]
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines if line}


def test_the_page_has_every_network():
    assert list(rows_of_the_page()) == list(NETWORKS) and len(NETWORKS) >= 30


# Of another network's kind, which is looked at in `make test`.
ALIKE = ("softmax at the end", "softmax in the last Dense", "Rescaling(1/255) first", "Rescaling to [-1, 1] first")
ALIKE += ("mixed_float16", "frozen", "partly frozen", "without ReLU (tanh)", "attention", "logits, images in [0, 1]")
# What they begin with is looked at in test_inspection, what they are made of in test_adoption and test_surrogates, and
# mixed precision and unfolded images below: their copies are like those of others.
ALIKE += ("Normalization of ImageNet first", "a model within", "channels first, turned by the network")
ALIKE += ("batches of 4 alone", "residual with BatchNormalization", "relu as a function", "a layer called twice")
ALIKE += ("mixed_bfloat16", "images (28, 28), Keras' first example", "several heads")
# What is trained and audited is the adopted copy, and this makes a copy unlike others: of a constant logit.
WHOLE = ("one sigmoid",)


def depths():
    """(name, the maps that its audit attacks): none, Integrated Gradients, through which all of the network goes, and
    both."""
    for name in NETWORKS:
        if name not in ALIKE:
            yield pytest.param(name, plan.MAPS[: name in WHOLE], id=f"{name}-{int(name in WHOLE)}")
        yield pytest.param(name, plan.MAPS, id=f"{name}-2", marks=pytest.mark.exhaustive)


@pytest.mark.slow
@pytest.mark.parametrize("name, maps", depths())
def test_the_page_says_what_becomes_of_a_network(name, maps, eagerly, monkeypatch):
    """In `make test` most networks are let through the doors of training and audit, and neither trained nor audited."""
    monkeypatch.setattr(plan, "MAPS", maps)
    assert row(name) == rows_of_the_page()[name]


def test_a_head_has_to_be_chosen_and_to_be_there():
    network = NETWORKS["several heads"].make()
    x = images_of(NETWORKS["several heads"])
    with pytest.raises(InputError, match=r"2 outputs: choose .* head=NAME.* \(kind, colour\)"):
        tfrobust.attribute(network, x)
    with pytest.raises(InputError, match="no output 'size': choose one of kind, colour"):
        tfrobust.attribute(network, x, head="size")
    colours = keras.Model(network.input, network.outputs[1])
    want, got = tfrobust.attribute(colours, x, steps=2), tfrobust.attribute(network, x, steps=2, head="colour")
    np.testing.assert_allclose(got, want, atol=1e-5)


# The page has the rows of numbers.
ROWS = pytest.param("images as rows of 784 numbers", marks=pytest.mark.exhaustive)


@pytest.mark.parametrize("name", ["images (28, 28), Keras' first example", ROWS])
def test_a_map_of_an_unfolded_network_is_that_of_its_images(name, eagerly):
    """It has rows and columns, and is the same whichever way the images come."""
    network = NETWORKS[name].make()
    x = np.random.RandomState(0).rand(3, 28, 28, 1).astype(np.float32)
    want = tfrobust.attribute(network, x, steps=3)
    assert want.shape == (3, 28, 28)
    for other in (x[..., 0], x.reshape(3, -1)):
        np.testing.assert_allclose(tfrobust.attribute(network, other, steps=3), want, atol=1e-6)
    model = tfrobust.robustify(network, "natural")
    own = x[..., 0] if len(network.input_shape) == 3 else x.reshape(3, -1)
    f = np.asarray(model.predict(x, verbose=0))
    p = np.asarray(network(own))
    softmax = np.exp(f) / np.exp(f).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(softmax if "784" in name else f, p, atol=1e-5)


# Of bfloat16 one is measured by a verb below.
@pytest.mark.parametrize("kind", ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.exhaustive)])
def test_a_network_of_mixed_precision_is_adopted_in_float32(kind):
    network = NETWORKS[kind].make()
    adopted = contracted(network)
    assert {layer.compute_dtype for layer in flat(adopted)} == {"float32"}
    exact = tfrobust.attribute(adopted, images_of(NETWORKS[kind]), steps=4)
    assert np.array_equal(tfrobust.attribute(network, images_of(NETWORKS[kind]), steps=4), exact)


class Holds(keras.layers.Layer):
    """A layer of one's own around another, which computes as `inner` says."""

    def __init__(self, inner=None, **options):
        super().__init__(**options)
        self.inner = keras.layers.Conv2D(4, 3, activation="relu", dtype=inner or self.compute_dtype)

    def call(self, x):
        return self.inner(x)


def network_of(*middle):
    return keras.Sequential([keras.Input((8, 8, 3)), *middle, keras.layers.Flatten(), keras.layers.Dense(5)])


@pytest.mark.parametrize("outer", ["float32", "mixed_bfloat16"])
def test_layers_within_layers_of_mixed_precision_are_adopted_in_float32(outer):
    """Where the outer layer keeps its own precision, too."""
    inner = keras.layers.Dense(6, activation="relu", dtype="mixed_bfloat16")
    network = network_of(keras.layers.Reshape((8, 24)), keras.layers.TimeDistributed(inner, dtype=outer))
    adopted = contracted(network)
    assert {layer.compute_dtype for layer in flat(adopted)} == {"float32"}
    assert inspect_network(network).half == "bfloat16"


def test_a_layer_that_always_makes_another_of_16_bits_is_refused():
    network = network_of(Holds("mixed_bfloat16", name="holds"))
    with pytest.raises(InputError, match=r"in layer 'holds' computes in bfloat16 whatever.*dtype=self.dtype_policy"):
        contracted(network)


def test_the_policy_that_a_person_has_set_is_left_alone():
    """What is copied while it is in force computes in float32 all the same."""
    with policy("mixed_bfloat16"):
        adopted = contracted(network_of(Holds()))
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
    assert {layer.compute_dtype for layer in flat(adopted)} == {"float32"}


# Both kinds are adopted above.
@pytest.mark.parametrize("kind", [pytest.param("mixed_float16", marks=pytest.mark.exhaustive), "mixed_bfloat16"])
def test_a_verb_measures_a_network_of_mixed_precision_as_a_function_does(kind, tmp_path):
    """In float32, as evaluate, export, attribute, audit and robustify do."""
    with policy(kind):
        network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, activation="relu")])
        network.add(keras.layers.Flatten())
        network.add(keras.layers.Dense(5, dtype="float32"))
    network.save(tmp_path / "n.keras")
    given, x = given_network(str(tmp_path / "n.keras")), images_of(NETWORKS[kind])
    maps = tfrobust.attribute(given, x, steps=4)
    np.testing.assert_array_equal(maps, tfrobust.attribute(network, x, steps=4))
    assert inspect_network(given).half is None


def test_grey_images_in_rgb_files_are_grey_images():
    """As a folder of grey PNGs is read; images of several colours are refused."""
    network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    x = np.random.RandomState(0).rand(4, 8, 8, 1).astype(np.float32)
    found = make_inputs(network, np.repeat(x, 3, axis=-1), LABELS, pixels="0..1")
    assert found.x.shape == x.shape and np.array_equal(np.sort(found.x, axis=0), np.sort(x, axis=0))
    with pytest.raises(InputError, match="takes grey images and the data are RGB"):
        make_inputs(network, np.concatenate([x, x, x / 2], axis=-1), LABELS, pixels="0..1")


def test_an_audit_refuses_channels_first_before_it_asks_the_network_anything(monkeypatch):
    """A pooling of them may not run on this CPU, or give later networks wrong numbers."""
    monkeypatch.setattr(inputs, "guess_pixels", lambda *_, **__: pytest.fail("it was asked"))
    case = NETWORKS["channels first throughout"]
    with pytest.raises(InputError, match="channels first"):
        make_inputs(case.make(), images_of(case), LABELS)


def test_constant_logits_of_a_dead_network_are_no_probabilities():
    network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    network.set_weights([np.zeros((64, 3)), np.array([0.0, 1.0, 0.0])])
    assert tfrobust.attribute(network, np.ones((2, 8, 8, 1), np.float32), steps=2).shape == (2, 8, 8)


def write_page():
    """Puts the table of today into the page."""
    head = f"| network | {' | '.join(door.__name__ for door in DOORS)} | what the refusal says |"
    with without_graphs():
        table = "\n".join([head, "|---" * 6 + "|", *map(row, NETWORKS)]) + "\n\n"
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(TABLE.sub(lambda found: table, text))


if __name__ == "__main__":
    run_tests(__file__)
