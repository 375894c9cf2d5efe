"""`Audit`: the result object that `tfrobust.audit` returns."""

import os
from typing import Any

from tfrobust import report
from tfrobust.auditing.audit import Measured
from tfrobust.auditing.page import render_body, render_page, summarize, write_audit
from tfrobust.auditing.verdict import reach_verdict


class Audit:
    """A finished audit; in a notebook, its report.

    grade: fragile, moves, holds, unsure or none.  verdict: a sentence, and sentences: what it rests on.
    summary: all numbers and settings.  records: a dict per image and attack.  measured: the arrays, too.
    """

    def __init__(self, measured: Measured, title: str):
        self.measured, self.title = measured, title
        self.grade, self.verdict, self.sentences = reach_verdict(measured)

    @property
    def summary(self) -> dict[str, Any]:
        return summarize(self.measured)

    @property
    def records(self) -> list[dict[str, Any]]:
        return self.measured.records

    def html(self) -> str:
        """The report, one self-contained file."""
        return render_page(self.measured, self.title)

    def save(self, folder: str) -> str:
        """audit.html, audit.json and audit_records.jsonl in the folder; returns the path of the first."""
        os.makedirs(folder, exist_ok=True)
        return write_audit(folder, self.measured, self.title)

    def __repr__(self) -> str:
        return "\n- ".join([self.verdict, *self.sentences])

    def _repr_html_(self) -> str:
        return f"<style>{report.STYLE}</style>" + "\n".join(render_body(self.measured))
