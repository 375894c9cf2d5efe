"""Job files that run a sweep on a cluster, a task for each run: a Slurm array, or an indexed Job of Kubernetes.

A task calls a sweep with `--only=INDEX`.  Preempted or out of time, it saves its step (SIGTERM) and is put back into
the queue, where it goes on from there.
"""

import json
import re
import shlex
from collections.abc import Sequence

GRACE = 120  # Seconds between the first signal and the end.

SLURM = """#!/bin/bash
# Written by tfrobust: sbatch {path}
#SBATCH --job-name={name}
#SBATCH --array=0-{last}{parallel}
#SBATCH --output={logs}/%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@{grace}
{options}cd {folder} || exit 2
out_of_time=
{command} --flagfile={flagfile} --only="$SLURM_ARRAY_TASK_ID" &
run=$!
trap 'kill -TERM $run' TERM
trap 'out_of_time=1; kill -TERM $run' USR1
wait $run
code=$?
while kill -0 $run 2>/dev/null; do  # A signal ends `wait`, not the run.
  wait $run
  code=$?
done
wait $run 2>/dev/null
last=$?
[ $last = 127 ] || code=$last  # It ended between the two.
if [ -n "$out_of_time" ] && [ $code = 143 ]; then
  scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
fi
exit $code
"""

KUBERNETES = """# Written by tfrobust: kubectl apply -f {path}
apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
spec:
  completionMode: Indexed
  completions: {runs}
  parallelism: {parallel}
  backoffLimitPerIndex: 3
  podFailurePolicy:
    rules:
    # Evicted pods cost no attempt; flags that cannot be used get no second one.
    - action: Ignore
      onPodConditions:
      - type: DisruptionTarget
    - action: FailIndex
      onExitCodes:
        operator: In
        values: [2]
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: {grace}
      containers:
      - name: run
        image: {image}
        workingDir: {folder}
        # exec: the signal must reach Python.
        command: ["/bin/sh", "-c", {command}]
{resources}        volumeMounts:
        - name: runs
          mountPath: {mount}
      volumes:
      - name: runs
        persistentVolumeClaim:
          claimName: {volume}
"""


def slurm(
    name: str,
    path: str,
    *,
    folder: str,
    flagfile: str,
    logs: str,
    runs: int,
    parallel: int,
    gpus: int,
    options: Sequence[str],
    command: str,
) -> str:
    """The text of a batch script for Slurm.

    Args:
        name: of the job.
        path: where the script will be written.
        folder: from which the tasks are started.
        flagfile: of the sweep.
        logs: folder of what the tasks print.
        runs: how many tasks there are.
        parallel: how many may run at once; 0: any number.
        gpus: of each task.
        options: further ones of sbatch, as --NAME=VALUE.
        command: what a shell calls for a sweep.
    """
    given: Sequence[str] = [*([f"--gres=gpu:{gpus}"] if gpus else []), *options]
    return SLURM.format(
        name=_name(name),
        path=shlex.quote(path),
        last=runs - 1,
        parallel=f"%{parallel}" if parallel else "",
        logs=logs,
        grace=GRACE,
        options="".join(f"#SBATCH {option}\n" for option in given),
        folder=shlex.quote(folder),
        command=command,
        flagfile=shlex.quote(flagfile),
    )


def kubernetes(
    name: str,
    path: str,
    *,
    folder: str,
    flagfile: str,
    mount: str,
    runs: int,
    parallel: int,
    gpus: int,
    image: str,
    volume: str,
    command: str,
) -> str:
    """The text of a Job for Kubernetes.

    Args:
        name: of the job.
        path: where the text will be written.
        folder: from which the tasks are started.
        flagfile: of the sweep.
        mount: where the volume is mounted.
        runs: how many tasks there are.
        parallel: how many may run at once; 0: all.
        gpus: of each task.
        image: of the containers, one in which a shell that is in `folder` can call `command`.
        volume: the claim for the volume that holds the runs.
        command: what a shell calls for a sweep.
    """
    command = f'exec {command} --flagfile={shlex.quote(flagfile)} --only="$JOB_COMPLETION_INDEX"'
    limits = f"        resources:\n          limits:\n            nvidia.com/gpu: {gpus}\n" if gpus else ""
    return KUBERNETES.format(
        name=_name(name),
        path=shlex.quote(path),
        runs=runs,
        parallel=parallel or runs,
        grace=GRACE,
        image=json.dumps(image),  # A string of JSON is one of YAML.
        folder=json.dumps(folder),
        command=json.dumps(command),
        resources=limits,
        mount=json.dumps(mount),
        volume=json.dumps(volume),
    )


def _name(text: str) -> str:
    """The text as a name for Slurm and Kubernetes: lower case, digits and dashes, a letter first, not too long."""
    return "sweep-" + (re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-") or "runs")
