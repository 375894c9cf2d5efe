"""The flags of a model."""

from absl import flags

from flags.parsers import define_number
from tfrobust.checks import check_choice
from tfrobust.names import INITIALIZATIONS, MODELS, NORMALIZATIONS


def define(fv: flags.FlagValues) -> None:
    """Which network is built."""
    flags.DEFINE_string("model", None, f"Network: {', '.join(MODELS)}. Required.", flag_values=fv)
    define_number("width", 1.0, "Scales the number of units of each layer.", fv)
    flags.DEFINE_enum(
        "initialization",
        None,
        list(INITIALIZATIONS),
        "FAR's initialisations (A.3); the network's own unless given.",
        flag_values=fv,
    )
    flags.DEFINE_enum(
        "normalization",
        None,
        NORMALIZATIONS,
        "data: the training images' own mean and deviation, in the place of those the network takes out of the pixels.",
        flag_values=fv,
    )
    flags.DEFINE_bool(
        "bias",
        True,
        "--nobias: no biases (digits_cnn, mnist_cnn): Integrated Gradients of the logit from black are then "
        "image times gradient and cost one gradient.",
        flag_values=fv,
    )
    define_number(
        "feature_smoothing", None, "Deviation of a Gaussian filter behind the first activation, in its pixels.", fv
    )
    flags.DEFINE_string(
        "initial_network",
        None,
        "Start from the weights of this .keras file, or of the network of this flagfile, which is trained if need be.",
        flag_values=fv,
    )
    flags.mark_flag_as_required("model", fv)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for a network that there is not, before any image is read."""
    check_choice("model", fv.model, MODELS)
