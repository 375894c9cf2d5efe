"""`Audit`: the result object that `tfrobust.audit` returns."""

import os
from typing import Any

from tfrobust import report
from tfrobust.auditing.audit import Measured
from tfrobust.auditing.page import render_body, render_page, summarize, write_audit
from tfrobust.auditing.verdict import reach_verdict


class Audit:
    """A finished audit; in a notebook, its report.

    Args:
        measured: by the audit.
        title: of the report.

    Attributes:
        grade: fragile, moves, holds, unsure or none.
        verdict: a sentence.
        sentences: what it rests on.
        measured: the numbers and the arrays.
    """

    def __init__(self, measured: Measured, title: str):
        self.measured, self.title = measured, title
        self.grade, self.verdict, self.sentences = reach_verdict(measured)

    @property
    def summary(self) -> dict[str, Any]:
        """All numbers and settings, as plain values."""
        return summarize(self.measured)

    @property
    def records(self) -> list[dict[str, Any]]:
        """A dict per image and attack."""
        return self.measured.records

    def html(self) -> str:
        """The report, one self-contained file."""
        return render_page(self.measured, self.title)

    def save(self, folder: str) -> str:
        """Writes audit.html, audit.json and audit_records.jsonl into the `folder`; returns the path of the first."""
        os.makedirs(folder, exist_ok=True)
        return write_audit(folder, self.measured, self.title)

    def __repr__(self) -> str:
        return "\n- ".join([self.verdict, *self.sentences])

    def _repr_html_(self) -> str:
        return f"<style>{report.STYLE}</style>" + "\n".join(render_body(self.measured))
