"""Loading a network acts on nothing, takes no more memory than the file holds, and loads what people save."""

import inspect
import json
import os
import resource
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import run_tests
from tests.networks import crafted_files as crafted
from tests.networks.crafted_files import IS_KERAS_3, activation, layer, operation
from tests.networks.small_applications import convnext, efficientnet, mobilenet
from tfrobust.networks import allowed_symbols, file_policy, load_network
from tfrobust.types import InputError


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return crafted.honest_file(tmp_path_factory.mktemp("honest"))


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """A folder to lure files into, which is the current one too, with a file that nobody may read or remove."""
    folder = tmp_path / "watched"
    folder.mkdir()
    (folder / "secret").write_text("secret\nwords\n")
    monkeypatch.chdir(folder)
    return folder


def refused(path, why=None) -> str:
    """What is said of the file."""
    with pytest.raises(InputError, match=why) as e:
        load_network(str(path))
    assert len(str(e.value).splitlines()) == 1
    return str(e.value)


def in_kwargs(value):
    """A change that hands an object to the first layer that is called."""

    def change(config):
        first = next(each for each in config["config"]["layers"] if each["inbound_nodes"])
        node = first["inbound_nodes"][0]
        (node["kwargs"] if isinstance(node, dict) else node[0][3]).update(evil=value)

    return change


def in_place_of(key, value):
    def change(config):
        config["config"]["layers"][-1][key] = value

    return change


def compiled_within(config):
    """A model within the network, whose loss is a function of TensorFlow."""
    model = {"name": "inner", "layers": [], "input_layers": [], "output_layers": []}
    loss = {
        "class_name": "function",
        "config": "write_file",
        "module": "tensorflow.io",
        "registered_name": "write_file",
    }
    within = {"name": "inner", "class_name": "Functional", "module": "tensorflow.io", "registered_name": "Functional"}
    config["config"]["layers"].append(
        {**within, "config": model, "compile_config": {"loss": loss}, "inbound_nodes": []}
    )


def registered_symbol(config):
    """A layer that is known by a registered name to some of Keras, and by its class to the rest."""
    operation("io.write_file", f"{W}/pwned", contents="owned")(config)
    evil, first = config["config"]["layers"][-1], config["config"]["layers"][0]
    evil["registered_name"] = "tfrobust>AttentionDropout"
    evil["inbound_nodes"][0][3]["name"] = [first["name"], 0, 0]
    del evil["module"]


W = "WATCHED"
CONFIGS = {
    "write_file": operation("io.write_file", f"{W}/pwned", contents="owned"),
    "rmtree": operation("io.gfile.rmtree", W),
    "remove": operation("io.gfile.remove", f"{W}/secret"),
    "makedirs": operation("io.gfile.makedirs", f"{W}/pwned"),
    "copy": operation("io.gfile.copy", f"{W}/secret", dst=f"{W}/pwned"),
    "rename": operation("io.gfile.rename", f"{W}/secret", dst=f"{W}/pwned"),
    "get_file": operation("keras.utils.get_file", "x", origin=f"file://{W}/secret", cache_dir=W),
    "load_op_library": operation("load_op_library", f"{W}/evil.so"),
    "load_library": operation("load_library", f"{W}/evil.so"),
    "saved_model.load": operation("saved_model.load", W),
    "saved_model.save": operation("saved_model.save", 0, export_dir=f"{W}/pwned"),
    "keras load_model": operation("keras.models.load_model", f"{W}/x.keras"),
    "keras save_img": operation("keras.utils.save_img", f"{W}/pwned.png", x=[[[1.0]]]),
    "read_file": operation("io.read_file", f"{W}/secret"),
    "raw WriteFile": operation("raw_ops.WriteFile", 0, filename=f"{W}/pwned", contents="owned"),
    "raw PyFunc": operation("raw_ops.PyFunc", 0, token="x", Tout=["float32"]),
    "py_function": operation("py_function", 0, inp=[], Tout="float32"),
    "numpy_function": operation("numpy_function", 0, inp=[], Tout="float32"),
    "print": operation("print", "x", output_stream=f"file://{W}/pwned"),
    "debugging": operation("debugging.experimental.enable_dump_debug_info", f"{W}/pwned"),
    "profiler": operation("profiler.experimental.start", f"{W}/pwned"),
    "summary": operation("summary.create_file_writer", f"{W}/pwned"),
    "TFRecordWriter": operation("io.TFRecordWriter", f"{W}/pwned"),
    "Checkpoint": operation("train.load_checkpoint", W),
    "dataset cache": operation("data.Dataset.range", 3),
    "compat open": operation("compat.v1.gfile.GFile", f"{W}/pwned", mode="w"),
    "lookup file": operation("lookup.TextFileInitializer", f"{W}/secret"),
    "server": operation("distribute.Server", {}),
    "no symbol": operation("no.such.symbol"),
    "symbol that is no text": operation(["io.write_file"]),
    "honest symbol on constants alone": operation("tile", [1.0], multiples=[1 << 33]),
    "Lambda": layer("Lambda", function={"class_name": "__lambda__", "config": {"value": "x"}}),
    "a registered name on a symbol": registered_symbol,
    "Lambda elsewhere": layer("Lambda", "keras.src.layers.core.lambda_layer", function="x"),
    "TFSMLayer": layer("TFSMLayer", filepath=W),
    "TorchModuleWrapper": layer("TorchModuleWrapper", module=""),
    "ClassMethod": layer("ClassMethod", "keras.src.layers.core.tf_op_layer", cls_symbol="io.gfile", method_name="x"),
    "InstanceMethod": layer("InstanceMethod", "keras.src.layers.core.tf_op_layer", attr_name="numpy"),
    "TensorFlowOpLayer": layer("TensorFlowOpLayer", "keras.src.engine.base_layer", node_def="", constants={}),
    "DenseFeatures": layer("DenseFeatures", feature_columns=[]),
    "vocabulary": layer("StringLookup", vocabulary=f"{W}/secret"),
    "vocabulary of numbers": layer("IntegerLookup", vocabulary=f"{W}/secret"),
    "vocabulary of text": layer("TextVectorization", vocabulary=f"{W}/secret"),
    "module os": layer("system", "os"),
    "module of a file": layer("Dense", "secret"),
    "module subprocess": layer("Popen", "subprocess", args=["touch", f"{W}/pwned"]),
    "module like keras": layer("Dense", "keras_evil"),
    "module that is no text": layer("Dense", ["keras"]),
    "class that is no text": layer(["Dense"]),
    "class of utils": layer("Progbar", "keras.utils"),
    "class of callbacks": layer("CSVLogger", "keras.callbacks", filename=f"{W}/pwned"),
    "class in no layer": lambda config: config.update(extra={"class_name": "Progbar", "config": {}}),
    "eval": activation("eval"),
    "exec": activation("exec"),
    "open": activation("open"),
    "system": activation("system", "os"),
    "relu of another module": activation("relu", "secret"),
    "a public function of Keras": activation("get_file", "keras.utils"),
    "a function under another name": activation("relu", "builtins", registered_name="eval"),
    "lambda": activation({"value": "x"}, class_name="__lambda__"),
    "lambda as a registered class": activation({"value": "x"}, class_name="__lambda__", registered_name="Custom>Adam"),
    "typespec": activation(["x"], "tensorflow", "__typespec__", spec_name="TensorSpec"),
    "typespec in a call": in_kwargs(
        {"class_name": "__typespec__", "config": [], "module": "os", "spec_name": "system"}
    ),
    "lambda in a call": in_kwargs({"class_name": "__lambda__", "config": {"value": "x"}}),
    "an initializer of another module": layer(
        "Dense", units=2, kernel_initializer={"class_name": "system", "config": "x", "module": "os"}
    ),
    "a policy": layer("Dense", units=2, dtype={"class_name": "Progbar", "config": {}, "module": "keras.utils"}),
    "a wrapped layer": layer("TimeDistributed", layer={"class_name": "Lambda", "config": {}, "module": "keras.layers"}),
    "a model within": compiled_within,
    "the network itself": lambda config: config.update(class_name="CSVLogger", module="keras.callbacks"),
    "the module of the network": lambda config: config.update(module="antigravity"),
    "nesting": lambda config: config.update(extra=json.loads("[" * 500 + "]" * 500)),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_that_asks_for_more_than_mathematics_is_refused(name, honest, watched, tmp_path):
    path = crafted.with_config(honest, str(tmp_path / "x.keras"), CONFIGS[name])
    contents = crafted.members(path)
    contents["config.json"] = contents["config.json"].replace(W.encode(), str(watched).encode())
    crafted.write(path, contents)
    refused(path, "it (asks for|has a)|its (configuration|layer)")
    assert [p.name for p in watched.iterdir()] == ["secret"]


def linked(link):
    """A change that puts a link in the place of the first array."""

    def change(file):
        name = crafted.first_array(file).name
        del file[name]
        file[name] = link

    return change


def replaced(make):
    """A change that puts another array in the place of the first one: make(file, name, shape)."""

    def change(file):
        first = crafted.first_array(file)
        name, shape = first.name, first.shape
        del file[name]
        make(file, name, shape)

    return change


def external(file, name, shape):
    file.create_dataset(name, shape, "f4", external=[("secret", 0, h5py.h5f.UNLIMITED)])


def virtual(file, name, shape):
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "x", shape)
    file.create_virtual_dataset(name, layout)


def cycle(file):
    group = crafted.first_array(file).parent
    group["again"] = file["/"]


def twice(file):
    first = crafted.first_array(file)
    first.parent["again"] = first


HUGE = (30000, 30000)
WEIGHTS = {
    "external link": linked(h5py.ExternalLink("secret.h5", "/x")),
    "soft link": linked(h5py.SoftLink("/somewhere")),
    "external storage": replaced(external),
    "virtual": replaced(virtual),
    "compressed": replaced(lambda f, name, _: f.create_dataset(name, HUGE, "f4", chunks=True, compression="gzip")),
    "never written": replaced(lambda f, name, _: f.create_dataset(name, HUGE, "f4")),
    "never written, in chunks": replaced(lambda f, name, _: f.create_dataset(name, HUGE, "f4", chunks=(100, 100))),
    "a filter": replaced(lambda f, name, shape: f.create_dataset(name, shape, "f4", chunks=shape, fletcher32=True)),
    "a cycle": cycle,
    "an array twice": twice,
    "text": replaced(lambda f, name, _: f.create_dataset(name, data=["a"] * 3)),
    "references": replaced(lambda f, name, _: f.create_dataset(name, (3,), h5py.ref_dtype)),
    "a record": replaced(lambda f, name, _: f.create_dataset(name, (3,), [("a", "f4"), ("b", "f4")])),
    "a type": lambda f: f.update({"type": np.dtype("f4")}),
    "no data": lambda f: f.create_dataset("empty", data=h5py.Empty("f4")),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_that_are_not_numbers_in_the_file_are_refused(name, honest, watched, tmp_path):
    (watched / "secret").write_bytes(bytes(1 << 16))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(crafted.with_weights(honest, str(tmp_path / "x.keras"), WEIGHTS[name]), "its weights")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200e3  # KB


def rename(contents, old, new):
    return {new if name == old else name: content for name, content in contents.items()}


def padded_config(contents):
    return {**contents, "config.json": contents["config.json"] + b" " * (file_policy.MOST_CONFIG_BYTES + 1)}


ARCHIVES = {
    "npz": lambda c: rename(c, "model.weights.h5", "model.weights.npz"),
    "npz beside it": lambda c: {**c, "model.weights.npz": b"x"},
    "assets": lambda c: {**c, "assets/layers/lookup/vocabulary.txt": b"a\nb\n"},
    "a path upwards": lambda c: {**c, "../../pwned": b"x"},
    "an absolute path": lambda c: {**c, "/tmp/pwned": b"x"},
    "no configuration": lambda c: rename(c, "config.json", "other.json"),
    "no weights": lambda c: {name: content for name, content in c.items() if "weights" not in name},
    "inflated configuration": padded_config,
    "inflated metadata": lambda c: {**c, "metadata.json": b" " * (1 << 22)},
    "inflated weights": lambda c: {**c, "model.weights.h5": c["model.weights.h5"] + bytes(1 << 26)},
    "a list": lambda c: {**c, "config.json": b"[]"},
    "brackets": lambda c: {**c, "config.json": b"[" * 200_000},
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_of_another_kind_is_refused(name, honest, watched, tmp_path):
    path = str(tmp_path / "x.keras")
    crafted.write(path, ARCHIVES[name](crafted.members(honest)), zipfile.ZIP_DEFLATED)
    refused(path)
    assert [p.name for p in watched.iterdir()] == ["secret"]


def test_an_archive_with_a_name_twice_is_refused(honest, tmp_path):
    path = crafted.write(str(tmp_path / "x.keras"), crafted.members(honest))
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("config.json", b"{}")
    refused(path, "twice")


def widened(config):
    config["config"]["layers"][-1]["config"]["units"] = 2_000_000_000


def enlarged(config):
    config["config"]["layers"][-1]["config"]["kernel_initializer"] = {
        "class_name": "Constant",
        "config": {"value": 1.0},
        "module": "keras.initializers",
        "registered_name": None,
    }
    widened(config)


def heightened(config):
    """Images of 100,000 x 100,000 pixels."""
    first = config["config"]["layers"][0]["config"]
    first["batch_shape" if "batch_shape" in first else "batch_input_shape"] = [None, 100_000, 100_000, 1]
    config["config"]["layers"] = config["config"]["layers"][:2]
    config["config"]["output_layers"] = [[config["config"]["layers"][1]["name"], 0, 0]]


@pytest.mark.parametrize("change", [widened, enlarged, heightened])
def test_a_network_larger_than_its_file_is_refused_before_it_takes_memory(change, honest, tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path = crafted.with_config(honest, str(tmp_path / "x.keras"), change)
    refused(path, "more weights than it holds|more than 268,435,456 numbers")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300e3  # KB


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/stdin", "pipe.keras", ".", "none.keras", "a\0b.keras"])
def test_what_is_no_file_is_refused_at_once(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.keras")
    refused(name, "no file|no network")


@pytest.mark.parametrize("name", ["n.h5", "n.keras"])
def test_the_old_format_which_knows_no_safe_mode_is_refused(name, honest, tmp_path):
    keras.models.load_model(honest).save(tmp_path / "n.h5")
    os.rename(tmp_path / "n.h5", tmp_path / name)
    refused(tmp_path / name, "it is no .keras file")


# What people save.


def image_layers(x):
    """Layers for images, among them all that keras.applications are made of."""
    x = layers.Rescaling(1 / 127.5, -1)(x)
    x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])(x)
    x = layers.Resizing(16, 16)(layers.ZeroPadding2D(1)(layers.CenterCrop(14, 14)(x)))
    x = layers.RandomFlip(seed=1)(layers.RandomRotation(0.1, seed=2)(layers.RandomZoom(0.1, seed=3)(x)))
    x = layers.RandomTranslation(0.1, 0.1, seed=4)(layers.RandomContrast(0.1, seed=5)(x))
    x = layers.Conv2D(4, 3, kernel_initializer="he_normal", kernel_regularizer="l2", bias_constraint="non_neg")(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, activation="swish", padding="same")(layers.SeparableConv2D(4, 3)(x))
    x = layers.LayerNormalization()(layers.LeakyReLU()(layers.Cropping2D(1)(x)))
    squeezed = layers.Reshape((1, 1, 4))(layers.GlobalAveragePooling2D()(x))
    x = layers.Multiply()([x, layers.Dense(4, activation="sigmoid")(squeezed)])
    x = layers.Concatenate()([layers.MaxPooling2D(2)(x), layers.AveragePooling2D(2)(x)])
    x = layers.Add()([x, layers.SpatialDropout2D(0.1, seed=6)(layers.Dropout(0.1, seed=7)(x))])
    x = layers.PReLU(shared_axes=[1, 2])(layers.GroupNormalization(2)(layers.UpSampling2D(2)(x)))
    return layers.Activation("gelu")(layers.GlobalMaxPooling2D()(layers.Conv2DTranspose(3, 3)(x)))


def attention(x):
    x = layers.Reshape((16, 48))(layers.Reshape((16, 4, 12))(x))
    x = layers.MultiHeadAttention(2, 4, seed=1)(x, x) if IS_KERAS_3 else layers.MultiHeadAttention(2, 4)(x, x)
    return layers.Flatten()(layers.EinsumDense("abc,cd->abd", (16, 3))(x))


def arithmetic(x):
    x = (x * 255.0 - 127.5) / 127.5
    x = 1 - abs(x**2 + 1 - x) + x[:, :1, :, 1:2]
    return layers.Flatten()(x)


def functions_of_keras(x):
    return layers.Flatten()(keras.activations.relu(keras.activations.softmax(x)))


def functions_of_tensorflow(x):
    x = tf.nn.relu(tf.image.resize(x, (8, 8))) + tf.math.reduce_mean(x, [1, 2, 3], keepdims=True)
    return tf.reshape(tf.concat([x, tf.maximum(x, 0.5)], -1), (-1, 8 * 8 * 6))


def functions_of_numpy(x):
    ops = keras.ops
    x = ops.relu(ops.image.resize(x, (8, 8))) + ops.mean(x, [1, 2, 3], keepdims=True)
    return ops.reshape(ops.concatenate([x, ops.maximum(x, 0.5)], -1), (-1, 8 * 8 * 6))


def wrapped(x):
    x = layers.TimeDistributed(layers.Dense(4, activation="relu"))(layers.Reshape((16, 48))(x))
    return layers.Bidirectional(layers.SimpleRNN(3))(x)


def recurrent(x):
    return layers.GRU(3)(layers.Bidirectional(layers.LSTM(3, return_sequences=True))(layers.Reshape((16, 48))(x)))


def nested(x):
    inner = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(2, 3, activation="relu"), layers.Flatten()])
    inner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return inner(x)


def words(x):
    """A lookup whose vocabulary stands in the configuration."""
    whole = layers.Flatten()(x)
    codes = layers.IntegerLookup(vocabulary=[0, 1, 2], output_mode="multi_hot")
    return layers.Concatenate()([whole, codes(layers.Discretization([0.2, 0.6])(whole))])


FUNCTIONS = functions_of_numpy if IS_KERAS_3 else functions_of_tensorflow
HONEST = [image_layers, attention, arithmetic, functions_of_keras, FUNCTIONS, wrapped, nested, words]
HONEST += [pytest.param(recurrent, marks=pytest.mark.exhaustive)]  # Another is wrapped, and built in less time.


@pytest.mark.parametrize("body", HONEST, ids=lambda body: body.__name__)
def test_honest_networks_load_and_predict_bit_for_bit(body, tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    network = keras.Model(inputs, layers.Dense(5, activation="softmax")(body(inputs)))
    network.compile("adam", "sparse_categorical_crossentropy")
    network.save(tmp_path / "n.keras")
    x = np.random.RandomState(0).rand(3, 16, 16, 3).astype(np.float32)
    np.testing.assert_array_equal(load_network(str(tmp_path / "n.keras"))(x), network(x))


@pytest.mark.parametrize(
    "make",
    [
        convnext,
        efficientnet,
        pytest.param(mobilenet, marks=pytest.mark.exhaustive),  # Of plain layers and arithmetic, which are above.
    ],
    ids=lambda make: make.__name__,
)
def test_networks_of_keras_applications_load_and_predict_bit_for_bit(make, tmp_path):
    """Those with a layer or an initializer of their own, with a block or two of the many that they have."""
    network = make(classes=3)
    network.save(tmp_path / "n.keras")
    x = np.random.RandomState(0).rand(1, 32, 32, 3).astype(np.float32)
    np.testing.assert_array_equal(load_network(str(tmp_path / "n.keras"))(x), network(x))


def applications():
    """The names of the functions that make the networks of keras.applications."""
    return [name for name in dir(keras.applications) if inspect.isfunction(getattr(keras.applications, name))]


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", applications())
def test_every_network_of_keras_applications_loads_and_predicts_bit_for_bit(name, tmp_path):
    """At the smallest input it takes."""
    for side in (32, 71, 75, 128, 224, 331):
        try:
            make = getattr(keras.applications, name)
            network = make(weights=None, input_shape=(side, side, 3), classes=3)
            break
        except ValueError:  # Too small for it.
            continue
    network.save(tmp_path / "n.keras")
    x = np.random.RandomState(0).rand(1, side, side, 3).astype(np.float32)
    loaded = load_network(str(tmp_path / "n.keras"))
    (tmp_path / "n.keras").unlink()
    np.testing.assert_array_equal(loaded(x), network(x))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_networks_of_other_number_formats_load(policy, tmp_path):
    inputs = keras.Input((4,))
    network = keras.Model(inputs, layers.Dense(3, dtype=policy)(inputs))
    network.save(tmp_path / "n.keras")
    x = np.ones((1, 4), np.float32)
    np.testing.assert_array_equal(load_network(str(tmp_path / "n.keras"))(x), network(x))


def test_a_network_compiled_with_a_loss_of_ones_own_loads_without_it(tmp_path):
    inputs = keras.Input((4,))
    network = keras.Model(inputs, layers.Dense(3)(inputs))

    def my_loss(y, f):
        return tf.reduce_mean(tf.square(y - f))

    network.compile("sgd", my_loss)
    network.save(tmp_path / "n.keras")
    assert load_network(str(tmp_path / "n.keras")).count_params() == 15


def test_a_class_of_ones_own_loads_where_it_is_registered_and_nowhere_else(tmp_path):
    class Doubled(layers.Layer):
        def call(self, x):
            return 2 * x

    def halved(x):
        return x / 2

    registered = keras.saving.register_keras_serializable("mine")(Doubled)
    function = keras.saving.register_keras_serializable("mine")(halved)
    inputs = keras.Input((4,))
    network = keras.Model(inputs, layers.Dense(3, activation=function)(registered()(inputs)))
    network.save(tmp_path / "n.keras")
    x = np.ones((1, 4), np.float32)
    np.testing.assert_array_equal(load_network(str(tmp_path / "n.keras"))(x), network(x))
    for name in ("mine>Doubled", "mine>halved"):
        keras.saving.get_custom_objects().pop(name)
    assert "register_keras_serializable" in refused(tmp_path / "n.keras", "'Doubled'")


def test_a_link_to_a_file_is_followed(honest, tmp_path):
    (tmp_path / "l.keras").symlink_to(honest)
    assert load_network(str(tmp_path / "l.keras")).count_params()


def test_weights_that_do_not_fit_are_refused(honest, tmp_path):
    def narrowed(config):
        config["config"]["layers"][-1]["config"]["units"] = 3

    refused(crafted.with_config(honest, str(tmp_path / "x.keras"), narrowed))


def test_the_allowed_names_are_those_of_keras():
    """A name that this Keras does not have may be the other's; a name that neither has is a mistake."""
    known = {name for name in dir(layers) if isinstance(getattr(layers, name), type)}
    dangerous = {"Lambda", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper", "DenseFeatures"}
    abstract = {"Layer", "Wrapper", "AbstractRNNCell", "InputSpec"}
    assert known - abstract - dangerous <= allowed_symbols.LAYERS
    assert not allowed_symbols.LAYERS & dangerous
    functions = {name for name in dir(keras.activations) if not name.startswith("_")}
    assert functions - {"get", "serialize", "deserialize"} <= allowed_symbols.ACTIVATIONS


def test_the_limits_leave_room_for_the_largest_networks_of_keras(honest):
    """NASNetLarge's configuration has 1,032,198 bytes on Keras 3."""
    assert file_policy.MOST_CONFIG_BYTES > 4 * 1_032_198


if __name__ == "__main__":
    run_tests(__file__)
