"""Serving: a network and its map as a SavedModel, and SavedModels over HTTP."""

from tfrobust.serving.http_server import HttpServer, Limits, affordable_connections
from tfrobust.serving.metrics import Metrics
from tfrobust.serving.rest import RestApi, is_quick
from tfrobust.serving.saved_model import read_metadata, write_saved_model
from tfrobust.serving.servable import ATTRIBUTE, PREDICT, Servable
from tfrobust.serving.tensors import Bounds
from tfrobust.serving.versions import ServedModel

__all__ = [
    "ATTRIBUTE",
    "PREDICT",
    "Bounds",
    "HttpServer",
    "Limits",
    "Metrics",
    "RestApi",
    "Servable",
    "ServedModel",
    "affordable_connections",
    "is_quick",
    "read_metadata",
    "write_saved_model",
]
