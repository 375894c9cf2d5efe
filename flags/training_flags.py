"""The flags of a training plan, and its spec."""

from absl import flags

from tfrobust.names import JIT, OPTIMIZERS, PRECISIONS, REDUCTIONS
from tfrobust.training_spec import TrainingSpec


def define(fv: flags.FlagValues) -> None:
    """How long, how fast and from which seed."""
    flags.DEFINE_integer("steps", None, "Training steps in all; this or --epochs is required.", flag_values=fv)
    flags.DEFINE_float(
        "epochs",
        None,
        "Passes over the images; --boundaries count in them too. With --steps: cut to these.",
        flag_values=fv,
    )
    flags.DEFINE_integer("batch_size", None, "Images in a step, over all replicas. Required.", flag_values=fv)
    flags.DEFINE_list(
        "learning_rates", None, "One rate, or one for each stretch between --boundaries. Required.", flag_values=fv
    )
    flags.DEFINE_list(
        "boundaries", [], "Steps (with --epochs: epochs) at which the learning rate changes.", flag_values=fv
    )
    flags.DEFINE_enum("optimizer", "adam", OPTIMIZERS, "Optimizer.", flag_values=fv)
    flags.DEFINE_float("momentum", 0.9, "Momentum of sgd.", flag_values=fv)
    flags.DEFINE_bool("nesterov", False, "Nesterov's momentum.", flag_values=fv)
    flags.DEFINE_float(
        "weight_decay",
        0.0,
        "L2 weight decay: adds weight_decay / 2 times the squared norm of all kernels to the loss.",
        flag_values=fv,
    )
    flags.DEFINE_enum("reduction", "mean", REDUCTIONS, "How the loss is reduced over the batch.", flag_values=fv)
    flags.DEFINE_integer("seed", 0, "Seed of weights, data order and every random draw.", flag_values=fv)
    flags.DEFINE_integer("eps_ramp_steps", 0, "Steps over which eps grows from 0 to its value.", flag_values=fv)
    flags.DEFINE_integer("checkpoint_every", 500, "Steps between checkpoints.", flag_values=fv)
    flags.DEFINE_enum(
        "precision",
        "float32",
        PRECISIONS,
        "Number format of the network (bfloat16), or only of the copy that is attacked in training (bfloat16_attack).",
        flag_values=fv,
    )
    flags.DEFINE_enum(
        "jit", "auto", JIT, "Compile the steps by XLA (auto: where there is a GPU or TPU).", flag_values=fv
    )
    flags.DEFINE_float("sparsity", 0.0, "Share of each kernel's weights that is pruned to zero.", flag_values=fv)
    for name in ("batch_size", "learning_rates"):
        flags.mark_flag_as_required(name, fv)
    for name in ("learning_rates", "boundaries"):
        flags.register_validator(name, _numbers, f"--{name} takes numbers with commas between", fv)


def _numbers(texts) -> bool:
    try:
        return all(float(text) is not None for text in texts or ())
    except ValueError:
        return False


def from_flags(fv: flags.FlagValues) -> TrainingSpec:
    return TrainingSpec(
        steps=fv.steps,
        batch_size=fv.batch_size,
        learning_rates=tuple(map(float, fv.learning_rates)),
        boundaries=tuple(int(b) if float(b).is_integer() else b for b in map(float, fv.boundaries)),
        optimizer=fv.optimizer,
        momentum=fv.momentum,
        seed=fv.seed,
        eps_ramp_steps=fv.eps_ramp_steps,
        checkpoint_every=fv.checkpoint_every,
        sparsity=fv.sparsity,
        epochs=fv.epochs,
        nesterov=fv.nesterov,
        weight_decay=fv.weight_decay,
        reduction=fv.reduction,
        precision=fv.precision,
        jit=fv.jit,
    )
