"""Serving: a network and its map as a SavedModel, and SavedModels over HTTP."""

from tfrobust.serving.rest import RestApi
from tfrobust.serving.saved_model import read_metadata, write_saved_model
from tfrobust.serving.servable import ATTRIBUTE, PREDICT, Servable
from tfrobust.serving.versions import ServedModel

__all__ = ["ATTRIBUTE", "PREDICT", "RestApi", "Servable", "ServedModel", "read_metadata", "write_saved_model"]
