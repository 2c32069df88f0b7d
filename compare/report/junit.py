"""JUnit XML: one testcase per case."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from compare.report import Report
from compare.report.wording import again, departures, location, naive, naive_departures, told, visible
from compare.results import CaseResult

__all__ = ["junit", "legal"]

# Characters that no XML 1.0 document may hold, and the carriage return, which readers turn into a newline.
_FORBIDDEN = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> str:
    """A testsuite of the run's cases, and of the files that could not be loaded."""
    cases = report.run.cases
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name="compare",
        tests=str(len(cases) + len(report.failures)),
        failures=str(sum(case.outcome == "mismatch" for case in cases)),
        errors=str(sum(case.outcome == "error" for case in cases) + len(report.failures)),
        skipped="0",
        time=f"{sum(case.seconds for case in cases):.3f}",
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name in report.run.environment.__struct_fields__:
        text = getattr(report.run.environment, name)
        ElementTree.SubElement(properties, "property", name=name, value=legal(text))
    for case in cases:
        _testcase(suite, case, report)
    for failure in report.failures:
        test = ElementTree.SubElement(suite, "testcase", classname="cases", name=legal(failure.path), time="0")
        ElementTree.SubElement(test, "error", type="load", message=legal(failure.message))
    if report.run.conventions:
        from compare.report.ledger import add_suite

        add_suite(root, report.run.conventions)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _testcase(suite: ElementTree.Element, case: CaseResult, report: Report) -> None:
    attributes = {"classname": legal(case.chapter), "name": legal(case.id), "time": f"{case.seconds:.3f}"}
    place = report.place(case.id)
    if place is not None:
        attributes |= {"file": legal(place.path), "line": str(place.line)}
    test = ElementTree.SubElement(suite, "testcase", attributes)
    if case.outcome in ("mismatch", "error"):
        found = departures(case)
        names = [one.name for one in found] + (["naive port"] if naive_departures(case) else [])
        message = case.error or f"not as declared: {', '.join(names)}"
        tag = "error" if case.outcome == "error" else "failure"
        failed = ElementTree.SubElement(test, tag, type=case.outcome, message=legal(message))
        lines = [f"{one.name} ({one.kind}): {told(one)} {location(report.place(case.id, one.line))}" for one in found]
        lines += naive_departures(case)
        failed.text = legal("\n".join(filter(None, [*lines, case.divergence, again(case, report)])))
    ElementTree.SubElement(test, "system-out").text = legal(
        f"{case.title}\n{case.outcome}: observations {len(case.observations)}, notes {len(case.notes)}, {case.dtype}"
        + "".join(f"\n{line}" for line in naive(case))
    )


def legal(text: str) -> str:
    """Text with what XML may not hold made visible."""
    return _FORBIDDEN.sub(lambda found: visible(found.group()), text)
