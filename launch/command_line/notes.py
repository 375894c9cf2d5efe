"""What the library warns of, as lines of a command line."""

import contextlib
import warnings

from launch.command_line.progress import SCREEN
from tfrobust.errors import DataWarning


@contextlib.contextmanager
def shown():
    """Each different DataWarning of the block is one line; other warnings are shown as usual."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message, category, *where, **options):
            if issubclass(category, DataWarning):
                SCREEN.say(f"note: {message}")
            else:
                usual(message, category, *where, **options)

        warnings.simplefilter("once", DataWarning)
        warnings.showwarning = show
        yield
