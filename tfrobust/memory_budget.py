"""How many points of a path fit into a memory budget.

What fills the memory is what the layers of a network give for every point of the path, kept for the way back, and for
the way back of that.  `COPIES` is how many times over, measured on networks with and without batch normalization
(docs/performance.md); it was between 2 and 3.3 there.
"""

import math
import os
from typing import Literal, NamedTuple

import keras
import numpy as np

from tfrobust.types import InputError

COPIES = 4.0
GIB = 2**30


MOST_POINTS = 1000  # No more are held at once: of a path, or masked copies.


class Chunking(NamedTuple):
    """Images, and path points of each, that are held at once.

    Attributes:
        images: of a batch.
        points: a number, None (all) or "auto" (as many as fit into the memory).
        memory_gb: what auto may take, in GiB; half of what is free unless given.
    """

    images: int = 100
    points: int | Literal["auto"] | None = None
    memory_gb: float | None = None

    def points_for(self, network: keras.Model) -> int | None:
        """The points themselves, or as many as fit into the memory for this network; None: all."""
        if self.points != "auto":
            return self.points
        return chunk_for(network, self.images, MOST_POINTS, budget(self.memory_gb and self.memory_gb * GIB))

    def for_network(self, network: keras.Model) -> tuple[int, int | None]:
        """(images, points) for this network, as `evaluate` takes them."""
        return self.images, self.points_for(network)


def activations(network: keras.Model) -> int:
    """How many numbers the layers of the network give for one image, nested models included."""
    total = 0
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            total += activations(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            for output in _outputs(layer):
                total += math.prod(n or 1 for n in output.shape[1:])
    return total


def _outputs(layer):
    output = layer.output
    return output if isinstance(output, (list, tuple)) else [output]


def chunk_for(network: keras.Model, images: int, points: int, budget: float) -> int:
    """Largest number of path points that can be differentiated twice at once within a memory budget.

    Args:
        network: through which the path goes.
        images: how many paths there are.
        points: the most that are wanted.
        budget: in bytes.

    Returns:
        1 to `points`; 1 even where a single point takes more.
    """
    return int(np.clip(budget // max(taken(network, images), 1), 1, points))


def taken(network: keras.Model, images: int, points: int = 1) -> float:
    """Bytes that a second derivative takes at once.

    Args:
        network: that is differentiated.
        images: how many paths there are.
        points: of each path.
    """
    return COPIES * 4 * activations(network) * images * points


def budget(given: float | None = None) -> float:
    """The bytes that are `given`, or half of what is free."""
    return given or free_memory() / 2


def free_memory() -> float:
    """Bytes of the machine's memory that nothing uses.

    Raises:
        InputError: where the system does not say.
    """
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError) as e:
        raise InputError("this system does not say how much memory is free: give --memory_gb") from e
