"""The flags of a training method, and its objective."""

from absl import flags

from flags.parsers import define_number
from tfrobust.attributions.quadrature import RULES
from tfrobust.balls import BALLS
from tfrobust.objectives import OBJECTIVES, make_objective

HYPER = (
    "eps",
    "norm",
    "attack_steps",
    "step_size",
    "random_start",
    "attribution_weight",
    "ig_steps",
    "ig_steps_attack",
    "rule",
    "chunk",
)


def define(fv: flags.FlagValues) -> None:
    """Which training method, with which hyper-parameters; what a method needs and lacks is an error."""
    flags.DEFINE_string("method", None, f"Training method: {', '.join(OBJECTIVES)}. Required.", flag_values=fv)
    define_number("eps", None, "Radius of the ball, in units of the pixel range [0, 1] (8/255, not 8).", fv)
    flags.DEFINE_enum("norm", None, list(BALLS), "Norm of the ball (linf unless given).", flag_values=fv)
    flags.DEFINE_integer("attack_steps", None, "Steps of the inner maximisation.", flag_values=fv)
    define_number("step_size", None, "Length of one of them, in units of the pixel range.", fv)
    flags.DEFINE_bool(
        "random_start", None, "Start it at a random point of the ball (true unless given).", flag_values=fv
    )
    define_number("attribution_weight", None, "Weight of the attribution term (RAR: lambda, beta).", fv)
    flags.DEFINE_integer("ig_steps", None, "Integrated Gradients points in the gradient step (m).", flag_values=fv)
    flags.DEFINE_integer("ig_steps_attack", None, "The same in the attack step.", flag_values=fv)
    flags.DEFINE_enum("rule", None, list(RULES), "End points (right unless given).", flag_values=fv)
    flags.DEFINE_integer(
        "chunk", None, "Path points held in memory at once (all unless given).", lower_bound=1, flag_values=fv
    )
    flags.mark_flag_as_required("method", fv)


def from_flags(fv: flags.FlagValues):
    return make_objective(fv.method, **{name: fv[name].value for name in HYPER})
