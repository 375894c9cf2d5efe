"""One line for each thing that goes wrong outside the program: full disks, unreadable files, lost workers."""

import errno

import tensorflow as tf

from tfrobust.distribution import LOST

KINDS = (OSError, MemoryError, tf.errors.OpError)
AGAIN = "then run the same command again, which resumes it"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Texts of libraries that do not hand on the error number.
FULL_TEXTS = ("No space left", "Disk quota exceeded", "File too large")
FILES = (tf.errors.DataLossError, tf.errors.NotFoundError, tf.errors.PermissionDeniedError)


def line(error: BaseException) -> str | None:
    """What happened outside the program, and what to do, in one line.

    None where the `error` is no such thing, and its traceback belongs on the screen.
    """
    what = (str(error).splitlines() or [""])[0][:500]
    if getattr(error, "errno", None) in FULL or any(text in str(error) for text in FULL_TEXTS):
        return f"the disk is full ({what}): make room; {AGAIN}"
    if isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError)):
        return f"out of memory ({what or 'of this machine'}): give a smaller batch (--batch_size, --evaluation_batch)"
    if isinstance(error, LOST):
        return f"a worker or a device is gone ({what}): start all of them again; {AGAIN}"
    if isinstance(error, (OSError, *FILES)):
        return f"a file cannot be read or written ({what}): see to it; {AGAIN}"
    return None
