"""The flags of what TensorBoard shows of a network while it trains."""

from absl import flags

STEPS, MAP_STEPS = 10, 20  # Of the attacks and of Integrated Gradients, where no flagfile says it.


def define(fv: flags.FlagValues) -> None:
    """What TensorBoard shows beside the terms.  No weight depends on it; its time counts as the run's."""
    where = {"flag_values": fv}
    flags.DEFINE_integer(
        "probe_every",
        0,
        "Steps between probes: maps and attacked maps, accuracies, top-k, Kendall (0: none).",
        lower_bound=0,
        **where,
    )
    flags.DEFINE_integer("probe_examples", 16, "Images of a probe, of those evaluated on.", lower_bound=1, **where)
    flags.DEFINE_string(
        "probe",
        None,
        f"Flagfile of an evaluation: its attacks and its map ({STEPS} steps, IG of {MAP_STEPS} points unless given).",
        **where,
    )
