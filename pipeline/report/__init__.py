"""The report of a dataset: report.html, one file that needs no network, for a person to look at first.

make_report(manifest, statistics)   the whole page
findings(statistics)                what stands out, in sentences
"""

from __future__ import annotations

from pipeline.report.findings import Finding, findings
from pipeline.report.page import make_report

REPORT_NAME = "report.html"

__all__ = ["REPORT_NAME", "Finding", "findings", "make_report"]
