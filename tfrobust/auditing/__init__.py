"""Audits: any Keras classifier goes in, a verdict on its explanations comes out, with the numbers behind it."""

from tfrobust.auditing.audit import Measured, cuts, measure
from tfrobust.auditing.inputs import AuditInputs, make_inputs
from tfrobust.auditing.page import body, page, summary, write
from tfrobust.auditing.plan import EPS
from tfrobust.auditing.verdict import Verdict, verdict
from tfrobust.names import AUTO

__all__ = [
    "AUTO",
    "EPS",
    "Measured",
    "AuditInputs",
    "Verdict",
    "body",
    "cuts",
    "make_inputs",
    "measure",
    "page",
    "summary",
    "verdict",
    "write",
]
