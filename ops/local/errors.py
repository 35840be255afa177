"""What can go wrong with the local AWS itself (not what it answers to its clients).

LocalError                   1  the base
├── MissingExtraError        1  moto, flask or awslambdaric is not installed
├── IncompatibleMotoError    1  moto no longer looks as the local AWS expects
└── DidNotStartError         1  the daemon ended before it answered
"""

from __future__ import annotations

from provision.errors import PipelineError


class LocalError(PipelineError):
    """The local AWS could not do what was asked of it."""

    code = "local"


class MissingExtraError(LocalError):
    """The optional packages of the local AWS are not installed."""

    code = "local-extra-missing"


class IncompatibleMotoError(LocalError):
    """The installed moto differs where the local AWS reaches into it."""

    code = "local-moto"


class DidNotStartError(LocalError):
    """The daemon did not come up."""

    code = "local-did-not-start"
