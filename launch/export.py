"""Exports a saved network with its predictions and its attribution maps as a SavedModel.

    python -m launch.export --network=runs/ig_norm/network.keras --output=served/ig_norm/1 --map_steps=50

Two signatures, for any batch size: serving_default, images -> logits, probabilities, label; and attribute, images and
labels -> map.  It is plain TensorFlow: TensorFlow Serving, python -m launch.serve, saved_model_cli and
tf.saved_model.load take it without this library.  What the map is stands in assets.extra/tfrobust.json.
--output ends in the number of the version; a server takes the newest of its folder.
"""

import os

from absl import flags

from flags import map_flags, pixels_flags
from launch.command_line import verb
from launch.command_line.given_networks import given_network
from launch.command_line.program import called
from tfrobust.checks import make_writable_folder
from tfrobust.errors import InputError
from tfrobust.names import CHANNELS


def export_flags(fv: flags.FlagValues) -> None:
    """Which network is exported, where to, and in which form its map is returned."""
    where = {"flag_values": fv}
    flags.DEFINE_string(
        "network",
        None,
        "Saved Keras network, a .keras file. Required.",
        **where,
    )
    flags.DEFINE_string("output", None, "Folder of the SavedModel: NAME/VERSION, a number. Required.", **where)
    pixels_flags.define_automatic(fv, "or else 0..1; a final softmax is left out")
    flags.DEFINE_integer(
        "image_size",
        None,
        "Side of the images, for a network that takes any.",
        lower_bound=1,
        upper_bound=8192,
        **where,
    )
    flags.DEFINE_integer("map_chunk", None, "Path points held at once (all unless given).", lower_bound=1, **where)
    flags.DEFINE_bool("map_signed", False, "The map keeps the sign of the attribution.", **where)
    flags.DEFINE_enum("map_channels", "sum", CHANNELS, "How the channels of a pixel are joined.", **where)
    flags.DEFINE_bool("map_normalize", True, "Divide the map by the mean of its absolute values.", **where)
    flags.mark_flags_as_required(["network", "output"], fv)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError where --output is no new version, and --network nowhere."""
    version = os.path.basename(os.path.normpath(fv.output))
    if not version.isdecimal():
        raise InputError(f"--output={fv.output} must end in the number of a version, such as {fv.output}/1")
    if os.path.exists(fv.output):
        raise InputError(f"{fv.output} is there already: give the next number, or remove it")
    verb.check_networks(fv.network)


def export(fv: flags.FlagValues) -> None:
    from tfrobust.experiments.fingerprints import fingerprint_network, versions
    from tfrobust.serving import Servable, write_saved_model

    parent = os.path.dirname(os.path.normpath(fv.output)) or "."
    make_writable_folder(parent)
    network = given_network(fv.network, fv.pixels, fv.head)
    spec = map_flags.from_flags(fv, signed=fv.map_signed, channels=fv.map_channels, normalize=fv.map_normalize)
    servable = Servable(network, spec, fv.image_size and (fv.image_size, fv.image_size), fv.map_chunk)
    about = {"network": fv.network, "pixels": fv.pixels, "fingerprint": fingerprint_network(network)}
    write_saved_model(servable, fv.output, {**about, "versions": versions()})
    print(f"{spec.method} of the {spec.score}, images {list(servable.shape)}, {servable.classes} classes: {fv.output}")
    print(f"serve it: {called('serve')} --model={parent}")


def main(argv=None) -> int:
    return verb.run("export", __doc__, (export_flags, map_flags.define), export, argv=argv, check=check)


if __name__ == "__main__":
    verb.as_process(main)
