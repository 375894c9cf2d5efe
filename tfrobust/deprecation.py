"""Names of version 0.1 that have a new one: they go on working, and say what to write instead."""

import functools
import warnings

REMOVED_IN = "0.3"


def deprecated(old: str, new: str):
    """Decorates what stands for the old name: it warns, once at each place that calls it."""

    def decorate(function):
        @functools.wraps(function)
        def warn(*args, **options):
            warnings.warn(f"{old} goes in tfrobust {REMOVED_IN}: write {new}", DeprecationWarning, stacklevel=2)
            return function(*args, **options)

        return warn

    return decorate
