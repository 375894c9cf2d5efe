"""tfrobust: image classifiers whose explanations hold still under attack, trained and measured in TensorFlow."""

__version__ = "0.1.0"
