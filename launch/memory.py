"""What a training step with Integrated Gradients takes: peak memory and seconds, for several numbers of points at once.

    python -m launch.memory --model=wrn_40_2 --image_size=32 --batch_size=4 --ig_steps=50 --chunks=all,10,1

Each number is measured in a process of its own: one step that compiles and one that is timed, on random images.  The
estimate is what --chunk=auto reckons with.
"""

import json

from absl import flags

from flags.parsers import define_number
from launch.command_line import verb
from launch.command_line.progress import SCREEN
from launch.command_line.within import measured_within
from tfrobust.checks import check_choice
from tfrobust.errors import InputError
from tfrobust.names import MODELS


def memory_flags(fv: flags.FlagValues) -> None:
    """Which network, which step."""
    where = {"flag_values": fv}
    flags.DEFINE_string("model", "wrn_40_2", f"Network: {', '.join(MODELS)}.", **where)
    define_number("width", 1.0, "Scales the number of units of each layer.", fv)
    flags.DEFINE_integer("image_size", 32, "Side of the square images.", lower_bound=1, **where)
    flags.DEFINE_integer("channels", 3, "Color channels of the images.", lower_bound=1, **where)
    flags.DEFINE_integer("batch_size", 4, "Images in a step.", lower_bound=1, **where)
    flags.DEFINE_integer("ig_steps", 50, "Points of the path.", lower_bound=1, **where)
    flags.DEFINE_list("chunks", ["all", "10", "1"], "Points at once: numbers, or all.", **where)
    flags.DEFINE_string(
        "measured",
        None,
        "Internal: the chunk that this process measures.",
        **where,
    )


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for a network that there is not and for chunks that are no numbers."""
    check_choice("model", fv.model, MODELS)
    if any(c != "all" and not (c.isdigit() and int(c)) for c in [*fv.chunks, fv.measured or "all"]):
        raise InputError(f"--chunks={','.join(fv.chunks)}: numbers of points, 1 at least, or all, commas between")


def memory(fv: flags.FlagValues) -> None:
    from tfrobust import report
    from tfrobust.experiments.recipe import ModelSpec
    from tfrobust.experiments.step_memory import measure_step

    if fv.measured:
        chunk = fv.ig_steps if fv.measured == "all" else int(fv.measured)
        shape = fv.image_size, fv.image_size, fv.channels
        print(json.dumps(measure_step(ModelSpec(fv.model, fv.width), shape, fv.batch_size, fv.ig_steps, chunk)))
        return
    rows, progress = [], SCREEN.bar(len(fv.chunks), "memory")
    for chunk in fv.chunks:
        argv = [f"--{name}={fv[name].value}" for name in ("model", "width", "image_size", "channels", "batch_size")]
        found = measured_within("memory", [*argv, f"--ig_steps={fv.ig_steps}", f"--measured={chunk}"])
        rows.append({"chunk": chunk, **(found or {})})
        progress.update()
    progress.close()
    columns = (
        report.Column("chunk", "points at once"),
        report.Column("gib", "peak GiB", ".2f"),
        report.Column("above", "above the start", ".2f"),
        report.Column("estimate", "estimate", ".2f"),
        report.Column("seconds", "s / step", ".4f"),
    )
    print(report.markdown(rows, columns))
    if any("gib" not in row for row in rows):
        print("a row without numbers: its process was killed, most likely for the memory it took")


def main(argv=None) -> int:
    return verb.run("memory", __doc__, (memory_flags,), memory, argv=argv, check=check)


if __name__ == "__main__":
    verb.as_process(main)
