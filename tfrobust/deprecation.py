"""Names that have a new one: they go on working, and say what to write instead and until when."""

import functools
import warnings


def deprecated(old: str, *, write: str, removed_in: str):
    """Decorates what stands for an old name, which warns (DeprecationWarning) each time it is called.

    Args:
        old: the name, as people wrote it.
        write: what to write in its place.
        removed_in: the version without it, such as "0.3"; a test refuses that version while the name is still there.
    """
    said = f"{old} goes in tfrobust {removed_in}: write {write}"

    def decorate(function):
        @functools.wraps(function)
        def warn(*args, **options):
            warnings.warn(said, DeprecationWarning, stacklevel=2)
            return function(*args, **options)

        return warn

    return decorate
