"""Finds images whose attack has ended: their iterate is one that they have had before.

An attack of signed steps of one length, whose step depends on the iterate alone, goes round in the same circle from
there on: every iterate of it has been offered already.  Where the gradient is zero the circle is the iterate itself.
"""

from __future__ import annotations

import hashlib

import numpy as np

LEAST_SHARE = 0.25  # Of a batch: fewer images that have ended stay, as TensorFlow traces anew for another size.


class Returns:
    """Remembers the iterates of each image by digests of 128 bits.

    Args:
        start: [B,H,W,C], the first iterates.
    """

    def __init__(self, start: np.ndarray):
        self._had: list[set[bytes]] = [set() for _ in range(len(start))]
        self._ended = np.zeros(len(start), bool)
        self.note(start, np.arange(len(start)))

    def note(self, x_adv: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Notes one iterate of some images.

        Args:
            x_adv: the iterates [R,H,W,C].
            rows: [R], which images they are of.

        Returns:
            [R] bool: images that go on.  All do, or else those that have not ended.
        """
        for row, each in zip(rows, np.ascontiguousarray(x_adv)):
            digest = hashlib.blake2b(each.tobytes(), digest_size=16).digest()
            self._ended[row] |= digest in self._had[row]
            self._had[row].add(digest)
        ended = self._ended[rows]
        return ~ended if ended.mean() >= LEAST_SHARE else np.ones(len(rows), bool)
