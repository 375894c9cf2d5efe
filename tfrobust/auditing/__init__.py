"""Audits: any Keras classifier goes in, a verdict on its explanations comes out, with the numbers behind it."""

from tfrobust.auditing.audit import Measured, cuts, measure
from tfrobust.auditing.page import body, page, summary, write
from tfrobust.auditing.plan import EPS
from tfrobust.auditing.subject import Subject, make_subject
from tfrobust.auditing.verdict import Verdict, verdict
from tfrobust.names import AUTO

__all__ = [
    "AUTO",
    "EPS",
    "Measured",
    "Subject",
    "Verdict",
    "body",
    "cuts",
    "make_subject",
    "measure",
    "page",
    "summary",
    "verdict",
    "write",
]
