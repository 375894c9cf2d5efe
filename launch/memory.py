"""What a training step with Integrated Gradients takes: peak memory and seconds, for several numbers of points at once.

    python -m launch.memory --model=wrn_40_2 --image_size=32 --batch_size=4 --ig_steps=50 --chunks=all,10,1

Each number is measured in a process of its own: one step that compiles and one that is timed, on random images.  The
estimate is what --chunk=auto reckons with.
"""

import json
import resource
import subprocess
import sys
import time

from absl import flags

from flags.parsers import define_number
from launch.command_line import verb
from launch.command_line.progress import SCREEN
from tfrobust.checks import check_choice
from tfrobust.errors import InputError
from tfrobust.names import MODELS

GIB = 2**30


def memory_flags(fv: flags.FlagValues) -> None:
    """Which network, which step."""
    where = {"flag_values": fv}
    flags.DEFINE_string("model", "wrn_40_2", f"Network: {', '.join(MODELS)}.", **where)
    define_number("width", 1.0, "Scales the number of units of each layer.", fv)
    flags.DEFINE_integer("image_size", 32, "Side of the square images.", lower_bound=1, **where)
    flags.DEFINE_integer("channels", 3, "Of the images.", lower_bound=1, **where)
    flags.DEFINE_integer("batch_size", 4, "Images in a step.", lower_bound=1, **where)
    flags.DEFINE_integer("ig_steps", 50, "Points of the path.", lower_bound=1, **where)
    flags.DEFINE_list("chunks", ["all", "10", "1"], "Points at once: numbers, or all.", **where)
    flags.DEFINE_string("measured", None, "Of the processes within: one of the chunks, measured here.", **where)


def peak() -> float:
    """GiB that this process has held at most."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024 / GIB
    except (OSError, StopIteration):  # No Linux; what is counted there may include the process that started this one.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB


def measure(fv) -> dict:
    """One IG-NORM step without an attack, with fv.measured points at once."""
    import keras
    import tensorflow as tf

    from tfrobust import models
    from tfrobust.memory_budget import taken
    from tfrobust.objectives import make_objective
    from tfrobust.training import Trainer

    chunk = fv.ig_steps if fv.measured == "all" else int(fv.measured)
    shape = (fv.image_size, fv.image_size, fv.channels)
    keras.utils.set_random_seed(0)
    network = models.make_model(fv.model, shape, 10, fv.width)
    hyper = {"eps": 8 / 255, "attack_steps": 0, "step_size": 0, "attribution_weight": 1.0, "ig_steps_attack": 1}
    trainer = Trainer(network, make_objective("ig_norm", ig_steps=fv.ig_steps, chunk=chunk, **hyper))
    trainer.compile(optimizer="adam", jit_compile=False)
    trainer.optimizer.build(network.trainable_variables)
    batch = tf.random.uniform([fv.batch_size, *shape]), tf.zeros([fv.batch_size], tf.int32)
    before, step = peak(), tf.function(trainer.train_step)
    float(step(batch)["loss"])
    began = time.perf_counter()
    float(step(batch)["loss"])
    return {
        "gib": peak(),
        "above": peak() - before,
        "estimate": taken(network, fv.batch_size, min(chunk, fv.ig_steps)) / GIB,
        "seconds": time.perf_counter() - began,
    }


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for a network that there is not and for chunks that are no numbers."""
    check_choice("model", fv.model, MODELS)
    if any(c != "all" and not (c.isdigit() and int(c)) for c in [*fv.chunks, fv.measured or "all"]):
        raise InputError(f"--chunks={','.join(fv.chunks)}: numbers of points, 1 at least, or all, commas between")


def memory(fv: flags.FlagValues) -> None:
    from tfrobust import report

    if fv.measured:
        print(json.dumps(measure(fv)))
        return
    rows, progress = [], SCREEN.bar(len(fv.chunks), "memory")
    for chunk in fv.chunks:
        argv = [f"--{name}={fv[name].value}" for name in ("model", "width", "image_size", "channels", "batch_size")]
        command = [sys.executable, "-m", "launch.memory", *argv, f"--ig_steps={fv.ig_steps}", f"--measured={chunk}"]
        done = subprocess.run(command, capture_output=True, text=True)
        last = (done.stdout.strip().splitlines() or [""])[-1]
        if done.returncode in (1, 2):  # Its own one line: what was given cannot be used.
            raise InputError((done.stderr.strip().splitlines() or ["the measured process failed"])[-1])
        rows.append({"chunk": chunk, **(json.loads(last) if done.returncode == 0 else {})})
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
    return verb.run("memory", __doc__, (memory_flags,), memory, argv, check)


if __name__ == "__main__":
    verb.as_process(main)
