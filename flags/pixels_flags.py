"""The range of pixels that a given network expects."""

from absl import flags

from tfrobust.names import AUTO, PIXELS

PIXELS_HELP = "Adopt a network that was not made for this library: the range it expects. A final softmax is left out."


def define(fv: flags.FlagValues) -> None:
    """The flags of a verb that takes one network of anybody's."""
    flags.DEFINE_enum("pixels", None, PIXELS, PIXELS_HELP, flag_values=fv)
    define_form(fv)


def define_automatic(fv: flags.FlagValues, otherwise: str) -> None:
    """The flags of a verb that finds the range of pixels itself; `otherwise`: what it takes where no layer says it."""
    text = f"Range of pixels that the network expects; auto: the one that its first layers are made for, {otherwise}."
    flags.DEFINE_enum("pixels", AUTO, [AUTO, *PIXELS], text, flag_values=fv)
    define_form(fv)


def define_form(fv: flags.FlagValues) -> None:
    """Which output of a network counts, and which classes of its maker's it is made of."""
    flags.DEFINE_string(
        "head", None, "Name of the output that gives the classes, for a network with several outputs.", flag_values=fv
    )
    flags.DEFINE_list(
        "custom_objects",
        [],
        "Layers of your own that the network has, as MODULE:CLASS, commas between. The modules are imported; nothing "
        "that the file itself names is.",
        flag_values=fv,
    )
