"""The run as JSON: the stored form, which `python -m compare env --schema` describes."""

from __future__ import annotations

from compare.report import Report

__all__ = ["json"]


def json(report: Report) -> str:
    """`Run.to_json`, as text."""
    return report.run.to_json().decode()
