"""What AWS has of a pipeline: what stands of it, to compare, and what is left of it."""

from __future__ import annotations

import json
from typing import Any

from provision.pipeline import Pipeline

# What is different in every pipeline, beside its name.
_OWN = {"role": ("role_id",), "function": ("tags", "layers"), "layer": ("id", "published")}


def states(pipeline: Pipeline) -> dict[str, Any]:
    """What AWS has, without what is different in every pipeline."""
    found = {r.name: r.read() for r in pipeline.resources()}
    text = json.dumps(found, sort_keys=True, default=str).replace(pipeline.names.pipeline, "NAME")
    read: dict[str, Any] = json.loads(text)
    for name, fields in _OWN.items():
        for field_name in fields:
            read[name].pop(field_name)
    return read


def leftovers(pipeline: Pipeline) -> list[str]:
    """Everything in the account that has the pipeline's name in its own."""
    clients = pipeline.aws
    found = [
        *(b["Name"] for b in clients.s3.list_buckets()["Buckets"]),
        *(t["TopicArn"] for t in clients.sns.list_topics()["Topics"]),
        *(r["RoleName"] for r in clients.iam.list_roles()["Roles"]),
        *(f["FunctionName"] for f in clients.lambda_.list_functions()["Functions"]),
        *(v["LayerName"] for v in clients.lambda_.list_layers()["Layers"]),
        *(g["logGroupName"] for g in clients.logs.describe_log_groups()["logGroups"]),
    ]
    return [name for name in found if pipeline.names.pipeline in name]
