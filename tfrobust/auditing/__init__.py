"""Audits: any Keras classifier goes in, a verdict on its explanations comes out, with the numbers behind it."""

from tfrobust.auditing.audit import Measured, cuts, measure
from tfrobust.auditing.inputs import AuditInputs, make_inputs
from tfrobust.auditing.page import render_body, render_page, summarize, write_audit
from tfrobust.auditing.plan import EPS
from tfrobust.auditing.verdict import Verdict, reach_verdict
from tfrobust.names import AUTO

__all__ = [
    "AUTO",
    "EPS",
    "Measured",
    "AuditInputs",
    "Verdict",
    "render_body",
    "cuts",
    "make_inputs",
    "measure",
    "render_page",
    "summarize",
    "reach_verdict",
    "write_audit",
]
