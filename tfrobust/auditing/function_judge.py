"""`FunctionJudge`: maps and predictions from two functions of whoever asks, each answer checked before it is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from tfrobust.errors import InputError
from tfrobust.evaluation.predictions import batches

# (images [B,H,W,C] float32 in [0, 1]) -> scores [B,K] or classes [B]; (images, classes [B]) -> maps [B,H,W(,C)].
Predict = Callable[[np.ndarray], Any]
Explain = Callable[[np.ndarray, np.ndarray], Any]


class FunctionJudge:
    """Stands for `best_iterate.Judge` where there is no network but two functions.

    Args:
        predict, explain: see `callables.measure_callable`.
        batch_size: images that they get at once.

    Attributes:
        asked: "predict" and "explain" -> how many images each has seen.
    """

    def __init__(self, predict: Predict, explain: Explain, batch_size: int):
        for name, function in (("predict", predict), ("explain", explain)):
            if not callable(function):
                raise InputError(f"{name} must be a function; got a {type(function).__name__}")
        self._predict, self._explain, self._batch_size = predict, explain, batch_size
        self.asked: Counter = Counter()

    def labels(self, x: np.ndarray) -> np.ndarray:
        """The predicted classes [B] of images x [B,H,W,C].

        Raises:
            InputError: where `predict` raises an error, or gives no scores or classes of these images.
        """
        return np.concatenate([self._labels(np.asarray(x)[rows]) for rows in batches(len(x), self._batch_size)])

    def maps(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The maps [B,H,W] of images x [B,H,W,C] for the classes y [B]: absolute values, summed over channels, mean 1.

        Raises:
            InputError: where `explain` raises an error, or gives no maps of these images.
        """
        x, y = np.asarray(x), np.asarray(y)
        return np.concatenate([self._maps(x[rows], y[rows]) for rows in batches(len(x), self._batch_size)])

    def _labels(self, x) -> np.ndarray:
        f = self._called("predict", self._predict, x)
        if f.shape == x.shape[:1] and f.dtype.kind in "iu":
            return f.astype(np.int32)
        if f.ndim != 2 or len(f) != len(x) or f.shape[1] < 2:
            raise InputError(
                f"predict must give scores [{len(x)},K] or classes [{len(x)}] as whole numbers for {len(x)} images; "
                f"got {f.dtype} {list(f.shape)}"
            )
        return f.argmax(axis=1).astype(np.int32)

    def _maps(self, x, y) -> np.ndarray:
        a = self._called("explain", self._explain, x, y)
        wanted = x.shape[:3]
        if a.shape[:3] != wanted or a.ndim > 4:
            hint = ": give a.transpose(0, 2, 3, 1)" if a.ndim == 4 and (a.shape[0], *a.shape[2:]) == wanted else ""
            shape = ", ".join(map(str, wanted))
            raise InputError(f"explain must give maps [{shape}] or [{shape}, C]; got {list(a.shape)}{hint}")
        a = np.abs(a.astype(np.float32)).reshape(*wanted, -1).sum(axis=-1)
        mean = a.mean(axis=(1, 2), keepdims=True)
        return np.divide(a, mean, out=np.zeros_like(a), where=mean > 0)

    def _called(self, name, function, x, *more) -> np.ndarray:
        """What the function gives for copies of its arguments, as an array of finite numbers."""
        self.asked[name] += len(x)
        try:
            out = np.asarray(function(np.array(x, np.float32), *(np.array(each) for each in more)))
        except Exception as e:  # Whatever somebody's function raises.
            said = " ".join(str(e).split())[:300]
            raise InputError(f"{name} raised {type(e).__name__} on {len(x)} images: {said}") from e
        if out.dtype.kind not in "iufb" or not out.size:
            raise InputError(f"{name} must give numbers; got {out.dtype} {list(out.shape)}")
        if not np.isfinite(out).all():
            raise InputError(f"{name} gave NaN or infinity: it must give finite numbers for every image in [0, 1]")
        return out
