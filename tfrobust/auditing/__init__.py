"""Audits: any Keras classifier goes in, a verdict on its explanations comes out, with the numbers behind it; and two of
them, with a verdict on what differs."""

from tfrobust.auditing.audit import Measured, cuts, measure
from tfrobust.auditing.difference import Difference, DifferencePlan, measure_difference
from tfrobust.auditing.difference_page import render_difference, write_difference
from tfrobust.auditing.difference_verdict import (
    DifferenceVerdict,
    reach_difference_verdict,
    summarize_difference,
)
from tfrobust.auditing.inputs import AuditInputs, make_inputs
from tfrobust.auditing.page import render_body, render_page, summarize, write_audit
from tfrobust.auditing.plan import EPS
from tfrobust.auditing.verdict import Verdict, reach_verdict
from tfrobust.names import AUTO

__all__ = [
    "AUTO",
    "EPS",
    "AuditInputs",
    "Difference",
    "DifferencePlan",
    "DifferenceVerdict",
    "Measured",
    "Verdict",
    "cuts",
    "make_inputs",
    "measure",
    "measure_difference",
    "reach_difference_verdict",
    "reach_verdict",
    "render_body",
    "render_difference",
    "render_page",
    "summarize",
    "summarize_difference",
    "write_audit",
    "write_difference",
]
