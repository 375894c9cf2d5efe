"""tfrobust: image classifiers whose explanations hold still under attack, trained, attacked and measured in TensorFlow."""

__version__ = "0.1.0"
