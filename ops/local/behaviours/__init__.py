"""The rows of the table, a module a service."""

from __future__ import annotations

from ..table import Row
from . import lambda_invoke, s3_notifications, sns

ROWS: tuple[Row, ...] = tuple(
    row for module in (s3_notifications, lambda_invoke, sns) for row in module.rows.rows
)
