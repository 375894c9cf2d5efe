"""Numbers of an audit for trackers of experiments: MLflow and Weights & Biases, imported where they are asked for."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tfrobust.evidence.facts import Facts


def flat_metrics(facts: Facts) -> dict[str, float]:
    """All means of the report: "IG_at_4_255/kendall" -> number, in the letters that both trackers allow."""
    out = {}
    for task, own in facts.report["summary"].items():
        for name, value in own.items():
            mean = value.get("mean") if isinstance(value, Mapping) else value
            if isinstance(mean, (int, float)) and mean == mean:  # Neither takes NaN well.
                out[f"{_key(task)}/{_key(name)}"] = float(mean)
    return out


def flat_settings(facts: Facts) -> dict[str, Any]:
    """What the audit was made with: plan, versions and fingerprints, each under one name."""
    groups = {"plan": facts.plan, **{name: facts.about.get(name, {}) for name in ("versions", "subject")}}
    out = {f"{group}.{name}": value for group, own in groups.items() for name, value in own.items()}
    return {**out, "network": facts.name, "data": facts.data, "grade": facts.grade}


def log_to_mlflow(facts: Facts, uri: str | None = None, experiment: str = "tfrobust", files: Sequence[str] = ()) -> str:
    """Writes an audit as a run of MLflow.

    Args:
        facts: of the audit.
        uri: of the tracking server, or a folder; None: as MLflow is set up.
        experiment: that the run belongs to.
        files: kept beside the numbers, such as audit.html.

    Returns:
        The id of the run.
    """
    import mlflow

    if uri:
        mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment)
    with mlflow.start_run(run_name=facts.name) as run:
        mlflow.log_params({name: str(value)[:250] for name, value in flat_settings(facts).items()})
        mlflow.log_metrics(flat_metrics(facts))
        mlflow.set_tag("verdict", facts.verdict[:500])
        for path in _there(files):
            mlflow.log_artifact(path)
        return run.info.run_id


def log_to_wandb(facts: Facts, project: str = "tfrobust", mode: str | None = None, files: Sequence[str] = ()) -> str:
    """Writes an audit as a run of Weights & Biases.

    Args:
        facts: of the audit.
        project: that the run belongs to.
        mode: online, offline or disabled; None: as it is set up.
        files: kept beside the numbers.

    Returns:
        The id of the run.
    """
    import wandb

    run = wandb.init(project=project, name=facts.name, config=flat_settings(facts), mode=mode, job_type="audit")
    run.log(flat_metrics(facts))
    run.summary["verdict"] = facts.verdict
    for path in _there(files):
        run.save(path, base_path=os.path.dirname(os.path.abspath(path)), policy="now")
    run.finish()
    return run.id


def _there(files) -> list[str]:
    return [path for path in files if os.path.exists(path)]


def _key(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)
