"""Trains many runs: every flagfile with every seed, and every combination of --set, one after another.

    python -m launch.sweep --rows=flags/digits/madry.flags,flags/digits/art.flags --seeds=0,1,2 \\
        --set=eps=0.1,0.2 --set=width=0.5,1 --output=runs/sweep

A run that is finished is skipped, one that was killed goes on, one that fails is noted and does not stop the others;
the same command tries it again.  Start the same command several times, on as many machines as share the folder: each
run is claimed by one of them.  Prints and leaves in --output: sweep.md, .csv, .json (what is done, running, failed,
left) and seedSEED/ROW/ for each run (see launch.train), where launch.compare with the same --rows and --output finds
it.  --status prints the table alone.

    python -m launch.sweep ... --write=slurm --gpus=1 --sbatch=--time=04:00:00
    python -m launch.sweep ... --write=kubernetes --gpus=1 --image=IMAGE --volume=CLAIM

write sweep.sbatch or sweep.yaml, which run the sweep on a cluster, a task for each run, and say how to submit them.
"""

import os
import shlex

from absl import flags

from flags import recipe_flags, sweep_flags
from launch.command_line import program, verb
from launch.command_line.progress import SCREEN
from tfrobust import report
from tfrobust.checks import make_writable_folder
from tfrobust.errors import InputError
from tfrobust.experiments import cluster_jobs

OF_THIS_CALL = ("--only=", "--write=", "--status", "--nostatus", "--flagfile=")


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for flags that do not go together, and for runs that cannot be."""
    if fv.write == "kubernetes" and not (fv.image and fv.volume):
        raise InputError("--write=kubernetes needs --image and --volume")
    every = sweep_flags.read_plans(fv)
    if fv.only is not None and fv.only >= len(every):
        raise InputError(f"--only={fv.only}: the runs are 0 to {len(every) - 1}")


def sweep(fv: flags.FlagValues) -> None:
    from tfrobust.experiments.sweep import COLUMNS, Run
    from tfrobust.experiments.sweep_worker import Worker, counted, write_table

    every = []
    for index, plan in enumerate(sweep_flags.read_plans(fv)):
        recipe = recipe_flags.read(plan.flagfile, plan.overrides, plan.row)
        every.append(Run(index, plan.set, recipe, plan.folder))
    make_writable_folder(fv.output)
    if fv.write:
        print(write_job(fv, len(every)))
        return
    if not fv.status:
        try:
            Worker(every, fv.output, SCREEN).work(every if fv.only is None else [every[fv.only]])
        finally:
            write_table(every, fv.output)
    lines = write_table(every, fv.output)
    print(f"\n{report.markdown(lines, COLUMNS)}\n{counted(lines)}\nwritten: {fv.output}/sweep.md, .csv, .json")
    asked = lines if fv.only is None else [lines[fv.only]]
    failed = [every[line["run"]].name for line in asked if line["state"] == "failed"]
    if failed and not fv.status:
        raise verb.FailedError(
            f"{len(failed)} of {len(asked)} runs failed ({'; '.join(failed)}): see {fv.output}/sweep.md"
        )


def write_job(fv, number: int) -> str:
    """Writes the job file and what its tasks call; says what to do with it."""
    output, folder = os.path.abspath(fv.output), fv.workdir or os.getcwd()
    flagfile = os.path.join(output, "sweep.flags")
    common = {"folder": folder, "flagfile": flagfile, "runs": number, "parallel": fv.parallel, "gpus": fv.gpus}
    if fv.write == "kubernetes":
        path, submit = os.path.join(output, "sweep.yaml"), "kubectl apply -f"
        own = {"path": path, "mount": output, "image": fv.image, "volume": fv.volume}
        text = cluster_jobs.kubernetes(os.path.basename(output), **common, **own, command=program.called("sweep"))
    else:
        path, submit = os.path.join(output, "sweep.sbatch"), "sbatch"
        logs = make_writable_folder(os.path.join(output, "logs"))
        own = {"path": path, "logs": logs, "options": fv.sbatch, "command": shlex.join(program.words("sweep"))}
        text = cluster_jobs.slurm(os.path.basename(output), **common, **own)
    again = [line for line in fv.flags_into_string().splitlines() if not line.startswith(OF_THIS_CALL)]
    report.write_text(flagfile, "".join(f"{line}\n" for line in [*again, f"--output={output}"]))
    report.write_text(path, text)
    return f"written: {path}, {number} runs\nto start it: {submit} {path}"


def main(argv=None) -> int:
    return verb.run("sweep", __doc__, (sweep_flags.define,), sweep, argv=argv, check=check)


if __name__ == "__main__":
    verb.as_process(main)
