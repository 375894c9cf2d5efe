"""The embedded data set: 1,797 real 8x8 scans of digits that come with scikit-learn (UCI, Alpaydin & Kaynak, 1998)."""

import numpy as np
from sklearn.datasets import load_digits

from tfrobust.data.arrays import ImageData, make_image_data
from tfrobust.facts import FACTS

_SPLIT_SEED = 0


def digits() -> ImageData:
    """1,400 train and 397 test images in one fixed random split; 17 grey levels, divided by 16."""
    bunch = load_digits()
    x, y = (bunch.images / 16).astype(np.float32), bunch.target
    order = np.random.RandomState(_SPLIT_SEED).permutation(len(x))
    train, test = np.split(order, [FACTS["digits"].train])
    return make_image_data("digits", x[train], y[train], x[test], y[test], facts=FACTS["digits"])
