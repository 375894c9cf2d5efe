"""Names of the files that a finished run leaves in its folder."""

import os

NETWORK = "network.keras"  # The name of a run's network in its folder.
SETTINGS = "run.flags"  # What makes its weights, as a flagfile that repeats it.
RUN = "run.json"  # Written last: steps, seconds, versions and commit of a run that came to its end.


def is_finished(directory: str) -> bool:
    """Whether a run in the `directory` came to its end."""
    return all(os.path.exists(os.path.join(directory, name)) for name in (NETWORK, RUN))
