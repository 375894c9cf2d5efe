"""A vision transformer of KerasHub is adopted and has maps of attention; skipped where KerasHub is not installed."""

import keras
import numpy as np
import pytest

import tfrobust
from tests.helpers import run_tests
from tfrobust.networks import adopt
from tfrobust.networks.attention import attention_layers
from tfrobust.networks.tokens import tokens_of

keras_hub = pytest.importorskip(
    "keras_hub", reason="KerasHub is not installed: pip install keras-hub (Keras 3.15), for this file alone"
)
SHAPE = (16, 16, 3)


@pytest.fixture(scope="module", params=["token", "gap"])
def classifier(request):
    """A ViT with random weights that reads its class token, or averages over all tokens."""
    keras.utils.set_random_seed(0)
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 16}
    backbone = keras_hub.models.ViTBackbone(image_shape=SHAPE, patch_size=4, **sizes)
    classifier = keras_hub.models.ViTImageClassifier(
        backbone=backbone, num_classes=5, pooling=request.param, preprocessor=None
    )
    return request.param, classifier


def test_it_is_adopted_with_its_attention_and_tokens(classifier):
    pooling, network = classifier
    adopted = adopt(network)
    x = np.random.RandomState(0).rand(3, *SHAPE).astype(np.float32)
    np.testing.assert_allclose(adopted(x, training=False), network(x, training=False), atol=1e-5)
    assert len(attention_layers(adopted)) == 2
    tokens = tokens_of(adopted, SHAPE)
    assert tokens.grid == (4, 4) and tokens.patches.tolist() == list(range(1, 17))
    assert np.flatnonzero(tokens.read).tolist() == ([0] if pooling == "token" else list(range(17)))


@pytest.mark.parametrize("method", ["attention_rollout", "gradient_rollout", "integrated_gradients"])
def test_it_has_maps(classifier, method):
    _, network = classifier
    x = np.random.RandomState(0).rand(2, *SHAPE).astype(np.float32)
    a = tfrobust.attribute(network, x, method=method)
    assert a.shape == (2, 16, 16) and np.isfinite(a).all() and np.std(a) > 0


if __name__ == "__main__":
    run_tests(__file__)
