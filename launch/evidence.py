"""Evidence from an audit for those who must show it: a model card, sections for regulators, runs of trackers.

    python -m launch.evidence my_audit --output=evidence --purpose="Tells 17 flowers apart for a guide book."

Needs nothing but the folder of launch.audit, neither the network nor the images.  Leaves in --output: model_card.md
(with Hugging Face's metadata: the README.md of a repository there) and evidence.md (robustness of what, to what,
within which bounds, by which method, and what was not measured: for Articles 13 and 15 and Annex IV of the EU AI Act
and MEASURE 2.7 and 2.9 of NIST's framework, in the words of ISO/IEC 24029).  What the report cannot know is marked as
to be filled in.  --mlflow and --wandb write a run of these trackers beside it.
"""

import os
import sys

from flags import evidence_flags
from flags.parsing import words_as_flags
from launch.command_line import verb
from tfrobust.checks import make_writable_folder


def evidence(fv) -> None:
    from tfrobust import evidence as library
    from tfrobust.report import write_text

    facts = library.read_facts(fv.audit, fv.name, fv.data_name)
    make_writable_folder(fv.output)
    card, sections = (os.path.join(fv.output, name) for name in ("model_card.md", "evidence.md"))
    write_text(card, library.model_card(facts, fv.purpose, fv.licence))
    write_text(sections, library.evidence_sections(facts, fv.purpose))
    print(f"written: {card}\nwritten: {sections}")
    folder = fv.audit if os.path.isdir(fv.audit) else os.path.dirname(fv.audit)
    files = [card, sections, *(os.path.join(folder, f"audit{ending}") for ending in (".json", ".html"))]
    if fv.mlflow:
        print(f"written: run {library.log_to_mlflow(facts, fv.mlflow, files=files)} of MLflow at {fv.mlflow}")
    if fv.wandb:
        run = library.log_to_wandb(facts, fv.wandb, fv.wandb_mode, files)
        print(f"written: run {run} of Weights & Biases, project {fv.wandb}")


def main(argv=None) -> int:
    given = words_as_flags(sys.argv if argv is None else argv, "audit")
    return verb.run("evidence", __doc__, (evidence_flags.define,), evidence, argv=given)


if __name__ == "__main__":
    verb.as_process(main)
