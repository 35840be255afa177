"""The two ways an upload ends without pictures and without a retry.

Anything else that goes wrong is raised as it is, and Lambda tries again.
"""

from __future__ import annotations


class SetAside(Exception):  # noqa: N818 - a verdict about an upload, not a fault of ours
    """An upload that is dealt with, though nothing was written for it.

    `code` is a short stable slug for machines, `reason` one sentence or two for people.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Refused(SetAside):
    """The upload can never become pictures; its owner is told why."""


class Skipped(SetAside):
    """There is nothing to do, and nobody to tell."""
