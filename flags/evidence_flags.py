"""The flags of evidence from an audit."""

from absl import flags


def define(fv: flags.FlagValues) -> None:
    """Of which audit, for whom."""
    where = {"flag_values": fv}
    flags.DEFINE_string("audit", None, "The audit's folder, or its audit.json. Required, or the first word.", **where)
    flags.DEFINE_string("output", "evidence", "Folder of what is written.", **where)
    flags.DEFINE_string("name", None, "Name of the network (that of its file unless given).", **where)
    flags.DEFINE_string("data_name", None, "What it was audited on (the name of the data unless given).", **where)
    flags.DEFINE_string("purpose", "", "What the network is for, in a sentence.", **where)
    flags.DEFINE_string("licence", "", "Licence of the network, as Hugging Face names it: apache-2.0.", **where)
    flags.DEFINE_string("mlflow", None, "Also a run of MLflow: address of the tracking server, or a folder.", **where)
    flags.DEFINE_string("wandb", None, "Also a run of Weights & Biases: name of the project.", **where)
    flags.DEFINE_enum("wandb_mode", "online", ["online", "offline"], "How Weights & Biases is written.", **where)
    flags.mark_flag_as_required("audit", fv)
