"""What a run needs to go on: weights, optimizer, step and the seconds it took so far."""

import os
from typing import Optional

import tensorflow as tf

KEEP = 2


class Checkpoints:
    """The checkpoints of one run in `directory`; the last KEEP of them stay.

    TensorFlow writes each under another name first and points to it last, so that a run killed while it saves goes on
    from the one before.
    """

    def __init__(self, directory: str, network, optimizer):
        optimizer.build(network.trainable_variables)  # Restoring needs its slots to be there.
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        state = tf.train.Checkpoint(network=network, optimizer=optimizer, step=self.step, seconds=self.seconds)
        self._manager = tf.train.CheckpointManager(state, os.path.join(directory, "checkpoints"), max_to_keep=KEEP)
        self._state = state

    def restore(self) -> Optional[int]:
        """Brings back the newest checkpoint and returns its step; None where there is none."""
        if not self._manager.latest_checkpoint:
            return None
        self._state.restore(self._manager.latest_checkpoint).assert_existing_objects_matched()
        return int(self.step)

    def save(self, step: int, seconds: float) -> None:
        self.step.assign(step)
        self.seconds.assign(seconds)
        self._manager.save(checkpoint_number=step)
