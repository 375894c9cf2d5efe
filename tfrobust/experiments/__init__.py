"""Experiments: recipes, the runs that train them, and comparisons and sweeps of such runs.

    recipe = Recipe("ig_norm", DataSpec("digits"), ModelSpec("digits_cnn"), objective, TrainingSpec(...))
    training_run.train(recipe, recipe.data.read(), "runs/ig_norm")

`recipe` is what makes the weights, as one value; `training_run` trains it in a folder, where it can be killed and gone
on with; `saliency_maps` makes the maps that some methods want beside the images; `sweep` keeps a list of runs.
"""
