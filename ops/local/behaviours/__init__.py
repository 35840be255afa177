"""The rows of the table, a module for each part of a service.

Order matters within one call: the first refusal is the one the client gets.
"""

from __future__ import annotations

from ..table import Row
from . import (
    iam,
    lambda_concurrency,
    lambda_event_invoke,
    lambda_functions,
    lambda_invoke,
    lambda_layers,
    lambda_permissions,
    lambda_role,
    lambda_validation,
    logs,
    logs_events,
    passing_faults,
    permanent_faults,
    s3_buckets,
    s3_deletions,
    s3_notifications,
    s3_versions,
    sns,
    sns_subscriptions,
)

_MODULES = (
    passing_faults,
    iam,
    lambda_validation,
    lambda_functions,
    lambda_role,
    lambda_layers,
    lambda_concurrency,
    lambda_permissions,
    lambda_event_invoke,
    lambda_invoke,
    logs,
    logs_events,
    s3_buckets,
    s3_deletions,
    s3_notifications,
    s3_versions,
    sns,
    sns_subscriptions,
    permanent_faults,
)
ROWS: tuple[Row, ...] = tuple(row for module in _MODULES for row in module.rows.rows)
