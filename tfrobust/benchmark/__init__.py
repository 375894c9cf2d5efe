"""Measures how fast this project is beside what people would use instead, by the same results.

    jobs, turns          a piece of work done by several sides, whose times are taken in turns
    training_jobs, attack_jobs, map_jobs, authors_graph, torch_peer, peer    the work, and who does it
    operations, peaks    floating-point operations counted in a graph, and what the processor reaches at best
    run, table           all of it, and what is said of it

Nothing is imported here: `sizes` is known without TensorFlow.
"""
