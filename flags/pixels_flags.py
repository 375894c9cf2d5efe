"""The range of pixels that a given network expects."""

from absl import flags

from tfrobust.names import PIXELS

PIXELS_HELP = "Adopt a network that was not made for this library: the range it expects. A final softmax is left out."


def define(fv: flags.FlagValues) -> None:
    """The flag --pixels of a verb that takes one network."""
    flags.DEFINE_enum("pixels", None, PIXELS, PIXELS_HELP, flag_values=fv)
