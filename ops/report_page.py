"""Writes a Report as one HTML page that needs nothing else: no network, no script. Pure.

The frame and its style are `report.html`; every text from outside is escaped here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Final

from ops.doctor.finding import Finding
from ops.report import Failure, Picture, Report, ShownUpload

# The hops of the picture, where they stand, and which findings belong to them by their beginning.
_HOPS: Final = (
    ("input", "S3 input", 20, 70, ("input-bucket", "loop", "drift-input")),
    ("trigger", "Notification", 190, 70, ("notification", "permission", "drift-notification")),
    ("output", "S3 output", 530, 20, ("output-bucket", "drift-output")),
    ("mail", "SNS, e-mail", 530, 120, ("topic", "subscription", "mail", "on-failure")),
    ("log", "CloudWatch", 360, 160, ("log", "drift-log")),
    ("function", "Lambda", 360, 70, ("",)),  # whatever belongs to no other
)
_LINES: Final = ((150, 90, 190, 90), (320, 90, 360, 90), (490, 85, 530, 42), (490, 95, 530, 138),
                 (425, 110, 425, 160))  # fmt: skip
_COLOURS: Final = {"read": 1, "decode": 2, "encode": 3, "write": 4, "check": 5, "notify": 6}


def page(report: Report) -> str:
    """Return the page."""
    frame = Template(files("ops").joinpath("report.html").read_text(encoding="utf-8"))
    return frame.substitute(
        title=escape(report.pipeline),
        where=escape(f"account {report.account}, region {report.region}, {report.made}"),
        verdict=_verdict(report.findings),
        picture=_pipeline(report.findings),
        findings="".join(map(_finding, report.findings)),
        numbers=_numbers(report),
        uploads="".join(map(_upload, report.uploads)) or "<p>Nothing was processed lately.</p>",
        failures=_failures(report.failures),
    )


def hop_of(finding: Finding) -> str:
    """Return the hop that a finding belongs to."""
    return next(name for name, *_, codes in _HOPS if finding.code.startswith(codes))


def _verdict(findings: Sequence[Finding]) -> str:
    if not findings:
        return '<p class="verdict ok">All is well.</p>'
    errors = sum(finding.severity == "error" for finding in findings)
    word = "error" if errors else "warning"
    warnings = len(findings) - errors
    told = f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}."
    return f'<p class="verdict {word}">{told}</p>'


def _pipeline(findings: Iterable[Finding]) -> str:
    """Draw the pipeline, each hop in the colour of its worst finding."""
    health: dict[str, str] = {}
    for finding in findings:
        hop = hop_of(finding)
        if health.get(hop) != "error":
            health[hop] = finding.severity
    lines = "".join(
        f'<line x1="{a}" y1="{b}" x2="{c}" y2="{d}" marker-end="url(#arrow)"/>'
        for a, b, c, d in _LINES
    )
    boxes = "".join(
        f'<g class="hop {health.get(name, "ok")}" data-hop="{name}">'
        f'<rect x="{x}" y="{y}" width="130" height="40" rx="6"/>'
        f'<text x="{x + 65}" y="{y + 25}">{title}</text></g>'
        for name, title, x, y, _ in _HOPS
    )
    return (
        '<svg viewBox="0 0 680 220" role="img" aria-label="The pipeline and its health"><defs>'
        '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>{lines}{boxes}</svg>'
    )


def _finding(finding: Finding) -> str:
    return (
        f'<article class="finding {finding.severity}"><h3>{escape(finding.what)} '
        f"<code>{escape(finding.code)}</code></h3><p>{escape(finding.why)}</p>"
        f"<pre>{escape(finding.fix)}</pre></article>"
    )


def _numbers(report: Report) -> str:
    each = report.cost_usd / report.processed if report.processed else 0.0
    numbers = (
        (f"{report.processed:,}", "images"),
        (f"{report.median_ms:,.0f} ms", "median duration"),
        (f"{len(report.failures):,}", "failures"),
        (f"${report.cost_usd:.4f}", "cost, list prices"),
        (f"${each * 1000:.3f}", "a thousand images"),
    )
    return "".join(f"<div><b>{number}</b><span>{name}</span></div>" for number, name in numbers)


def _upload(upload: ShownUpload) -> str:
    start = "cold start" if upload.cold else "warm"
    share = min(100.0, 100 * upload.memory_mb / max(1.0, upload.memory_limit_mb))
    level = "warning" if share >= 80 else "ok"
    return (
        f'<article class="upload"><h3>{escape(upload.key)}</h3><p class="small">'
        f"{escape(upload.time)}, {start}, ${upload.cost_usd:.6f}</p>"
        f'<div class="pictures">{"".join(map(_picture, upload.pictures))}</div>'
        f"{_time(upload)}"
        f'<div class="meter" title="memory"><i class="{level}" style="width:{share:.1f}%"></i>'
        f"<span>memory {upload.memory_mb:.0f} of {upload.memory_limit_mb:.0f} MB</span></div>"
        "</article>"
    )


def _picture(picture: Picture) -> str:
    caption = f"<figcaption><b>{escape(picture.title)}</b> {escape(picture.caption)}</figcaption>"
    if picture.content is None:
        return f'<figure><div class="gone">not there</div>{caption}</figure>'
    data = base64.b64encode(picture.content).decode()
    source = f"data:{picture.content_type};base64,{data}"
    return f'<figure><img src="{source}" alt="{escape(picture.title)}">{caption}</figure>'


def _time(upload: ShownUpload) -> str:
    total = sum(hop.milliseconds for hop in upload.hops) or 1.0
    parts = "".join(
        f'<i class="stage{_COLOURS.get(hop.name, 0)}" '
        f'style="width:{100 * hop.milliseconds / total:.1f}%"></i>'
        for hop in upload.hops
    )
    told = ", ".join(f"{escape(hop.name)} {hop.milliseconds:,.0f} ms" for hop in upload.hops)
    return f'<div class="stages">{parts}</div><p class="small">{told}</p>'


def _failures(failures: Sequence[Failure]) -> str:
    if not failures:
        return "<p>None.</p>"
    rows = "".join(
        f"<tr><td>{escape(f.time)}</td><td>{escape(f.subject)}</td><td>{escape(f.outcome)}</td>"
        f"<td>{escape(f.why)}</td></tr>"
        for f in failures
    )
    head = "<tr><th>when</th><th>what</th><th>outcome</th><th>why</th></tr>"
    return f"<table>{head}{rows}</table>"
