"""Colours that everyone can tell apart: computed for three kinds of colour-blindness, and for print in grey."""

import itertools

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_rgb

from tests.helpers import run_tests
from tfrobust.report import MEANINGS, colours, panels

# How people without one kind of cone see linear RGB (Machado, Oliveira and Fernandes, 2009, severity 1).
VISION = {
    "trichromat": np.eye(3),
    "protanope": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranope": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanope": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(colour, vision):
    """CIELAB, in which a distance of 2.3 is just seen and one of 20 is plain."""
    xyz = TO_XYZ @ np.clip(np.array(VISION[vision]) @ linear(colour), 0, 1) / (TO_XYZ @ np.ones(3))
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distances(chosen, vision):
    return [np.linalg.norm(lab(a, vision) - lab(b, vision)) for a, b in itertools.combinations(chosen, 2)]


@pytest.mark.parametrize("vision", VISION)
def test_everyone_tells_the_colours_apart(vision):
    assert min(distances(MEANINGS.values(), vision)) > 20
    assert min(distances(colours.OTHERS[:4], vision)) > 20 and min(distances(colours.OTHERS, vision)) > 8
    assert min(distances(("red", "green"), "deuteranope")) < 60  # As a measure: that pair is far apart for others.


def test_colours_can_be_read_as_text_on_white():
    for colour in MEANINGS.values():
        assert 1.05 / (TO_XYZ[1] @ linear(colour) + 0.05) >= 4.5  # WCAG 2, level AA.


@pytest.mark.parametrize("vision", VISION)
def test_maps_and_differences_keep_their_order_for_everyone_and_in_grey(vision):
    lightness = [lab(c[:3], vision)[0] for c in colormaps[panels.MAP_COLOURS](np.linspace(0, 1, 21))]
    assert np.all(np.diff(lightness) > 0)
    change = [lab(c[:3], vision) for c in colormaps[panels.CHANGE_COLOURS](np.linspace(0, 1, 11))]
    assert np.all(np.diff([c[0] for c in change[:6]]) > 0) and np.all(np.diff([c[0] for c in change[5:]]) < 0)
    assert all(np.linalg.norm(a - b) > 20 for a, b in zip(change[:4], change[:-5:-1]))


if __name__ == "__main__":
    run_tests(__file__)
