"""Where images and log lines lie: the two buckets and the log group."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.facts import Facts
from ops.doctor.finding import Finding
from provision.resources.notification import filter_value


def input_bucket_missing(facts: Facts) -> Iterator[Finding]:
    """Find that there is nowhere to upload to."""
    if facts.missing("input-bucket"):
        bucket = facts.pipeline.input_bucket
        yield Finding(
            "input-bucket-missing",
            "error",
            f"The input bucket {bucket} is gone.",
            "There is nowhere to upload to, and nothing that would start the function.",
            facts.ctl("up"),
            {"bucket": bucket},
            up={},
        )


def output_bucket_missing(facts: Facts) -> Iterator[Finding]:
    """Find that results have nowhere to go."""
    if facts.missing("output-bucket"):
        bucket = facts.pipeline.output_bucket
        yield Finding(
            "output-bucket-missing",
            "error",
            f"The output bucket {bucket} is gone.",
            "The function cannot write its results: S3 answers NoSuchBucket.",
            facts.ctl("up"),
            {"bucket": bucket},
            up={},
        )


def log_group_missing(facts: Facts) -> Iterator[Finding]:
    """Find that nothing can be looked up."""
    if facts.missing("log-group"):
        group = facts.pipeline.names.log_group
        yield Finding(
            "log-group-missing",
            "warning",
            f"The log group {group} is gone.",
            "What the function did before is lost; Lambda makes a new one without retention.",
            facts.ctl("up"),
            {"log_group": group},
            up={},
        )


def log_retention(facts: Facts) -> Iterator[Finding]:
    """Find logs that are kept, and paid, for ever or for another time than set."""
    retention = facts.differences("log-group").get("retention_days")
    if retention:
        kept = f"for {retention.actual} days" if retention.actual else "for ever"
        yield Finding(
            "log-retention",
            "warning",
            f"The function's log is kept {kept}.",
            f"It should be kept for {retention.desired} days; logs are paid by size and time.",
            facts.ctl("up"),
            {"actual_days": retention.actual, "desired_days": retention.desired},
            up={},
        )


def loop(facts: Facts) -> Iterator[Finding]:
    """Find results that would start the function again."""
    pipeline = facts.pipeline
    variables = facts.function.get("Environment", {}).get("Variables", {})
    output = variables.get("OUTPUT_BUCKET", pipeline.output_bucket)
    if output != pipeline.input_bucket:
        return
    sizes = variables.get("SIZES", pipeline.settings.sizes).split()
    folders = [size.partition("=")[0] + "/" for size in sizes]
    ours = pipeline.names.function_arn
    for entry in facts.notifications.get("LambdaFunctionConfigurations", []):
        prefix = filter_value(entry, "prefix")
        fed = [f for f in folders if f.startswith(prefix) or prefix.startswith(f)]
        if fed and entry["LambdaFunctionArn"] == ours:
            yield Finding(
                "loop",
                "error",
                "The pipeline feeds itself: its results start the function again.",
                f"The function writes {', '.join(fed)} into {output}, whose notification covers "
                f"'{prefix}'. Lambda stops such loops only after about 16 rounds.",
                facts.ctl("up"),
                {"bucket": output, "prefix": prefix, "folders": fed},
                up={},
            )
