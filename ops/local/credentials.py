"""Temporary credentials of roles, as Lambda's service hands them to a function."""

from __future__ import annotations

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from .runtime.sandbox import Credentials

_HOURS_12 = 43_200


def assume(role_arn: str, session: str, region: str) -> Credentials:
    """Credentials that the gate and GetCallerIdentity know as the assumed role."""
    account = role_arn.split(":")[4]
    assumed = sts_backends[account]["aws"].assume_role(
        region_name=region,
        role_session_name=session,
        role_arn=role_arn,
        policy="",
        duration=_HOURS_12,
        external_id="",
    )
    return Credentials(assumed.access_key_id, assumed.secret_access_key, assumed.session_token)


def forget(role_arn: str, credentials: Credentials) -> None:
    """Drop credentials whose worker has ended, so that they do not pile up."""
    account = role_arn.split(":")[4]
    sts = sts_backends[account]["aws"]
    sts.assumed_roles = [r for r in sts.assumed_roles if r.access_key_id != credentials.access_key]
    iam_backends[account]["aws"].access_keys.pop(credentials.access_key, None)
