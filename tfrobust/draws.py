"""Random numbers that are a function of their seed alone.

TensorFlow's own choice of generator differs between a CPU, a GPU and what XLA compiles; Philox is one on all of them,
and the one that a CPU has by default.
"""

import functools

import tensorflow as tf

# Called as tf.random.stateless_uniform and tf.random.stateless_normal are.
uniform = functools.partial(tf.random.stateless_uniform, alg="philox")
normal = functools.partial(tf.random.stateless_normal, alg="philox")
# A seed [2] of its own for the draw with this number: called as tf.random.experimental.stateless_fold_in is.
fold_in = functools.partial(tf.random.experimental.stateless_fold_in, alg="philox")
