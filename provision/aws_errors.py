"""What AWS and boto3 answer when they refuse, and its translation into our errors.

A ClientError is looked at by its code alone, since AWS changes its texts; where one code stands
for two things the text decides, and the catalogue row says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import botocore.exceptions as boto_errors

from provision.errors import AccessError, AlreadyThereError, PipelineError

T = TypeVar("T")

_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "UnauthorizedOperation",
    "403",
}
_BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "RequestExpired",
    "UnrecognizedClientException",
}
_EXISTS = {
    "BucketAlreadyOwnedByYou",
    "EntityAlreadyExists",
    "ResourceAlreadyExistsException",
}
_BAD_CLOCK = {"InvalidSignatureException", "RequestTimeTooSkewed", "SignatureDoesNotMatch"}
_NO_CREDENTIALS = (
    boto_errors.NoCredentialsError,
    boto_errors.PartialCredentialsError,
    boto_errors.CredentialRetrievalError,
    boto_errors.MissingDependencyException,
    boto_errors.InvalidConfigError,
    boto_errors.ConfigNotFound,
)
_LOCKED_OUT = "Cannot log in to AWS."  # whatever was to be done first
_EXPIRED_LOGIN = (
    boto_errors.UnauthorizedSSOTokenError,
    boto_errors.SSOError,
    boto_errors.TokenRetrievalError,
    boto_errors.LoginError,
)


def error_code(error: Exception) -> str:
    """Return AWS's code of a ClientError, "" for anything else."""
    if isinstance(error, boto_errors.ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return ""


def error_text(error: Exception) -> str:
    """Return AWS's own sentence of a ClientError."""
    if isinstance(error, boto_errors.ClientError):
        return str(error.response.get("Error", {}).get("Message", ""))
    return str(error)


def found(call: Callable[[], T], *missing: str) -> T | None:
    """Return the call's answer, or None when AWS answers with one of the `missing` codes."""
    try:
        return call()
    except boto_errors.ClientError as error:
        if error_code(error) in missing:
            return None
        raise


def is_foreign(error: Exception) -> bool:
    """Whether S3 says that the bucket has another owner, not that a permission is missing (S29)."""
    denied = error_code(error) in {"AccessDenied", "403"}
    return denied and "not authorized to perform" not in error_text(error)


def is_there(error: Exception) -> bool:
    """Whether AWS refuses to create something because it exists; Lambda says so in words (L16)."""
    conflict = error_code(error) == "ResourceConflictException"
    return error_code(error) in _EXISTS or (conflict and "already exist" in error_text(error))


def explained(call: Callable[[], T], verb: str, thing: str) -> T:
    """Run a call to AWS; what AWS or the network refuses becomes a sentence with a remedy."""
    try:
        return call()
    except (boto_errors.ClientError, boto_errors.BotoCoreError) as error:
        raise explain(error, f"Could not {verb} {thing}.") from error


def explain(error: Exception, what: str) -> PipelineError:
    """Translate an error of boto3 into one of ours."""
    if isinstance(error, boto_errors.ClientError):
        return _explain_answer(error, what)
    if isinstance(error, _EXPIRED_LOGIN):
        return AccessError(
            _LOCKED_OUT,
            why=f"The login of this profile has expired: {error}",
            fix="Run `aws sso login` (or `aws login`) with the same profile, then try again.",
        )
    if isinstance(error, _NO_CREDENTIALS):
        return AccessError(
            _LOCKED_OUT,
            why=f"No usable AWS credentials: {error}",
            fix="Run `aws configure` or choose a --profile; without an account, add --local.",
        )
    if isinstance(error, boto_errors.EndpointConnectionError | boto_errors.ConnectTimeoutError):
        return PipelineError(
            what,
            why=f"{error}",
            fix="Check --region and --endpoint-url, AWS_ENDPOINT_URL and the network; the local "
            "AWS is started with `pipeline-ctl local start`.",
        )
    return PipelineError(what, why=str(error), fix="Run it again; --debug shows the details.")


def _explain_answer(error: boto_errors.ClientError, what: str) -> PipelineError:
    code, text = error_code(error), error_text(error)
    why = f"AWS answered {code}: {text}" if text else f"AWS answered {code}."
    if code in _BAD_CREDENTIALS:
        return AccessError(what, why=why, fix="Renew the credentials, or choose another --profile.")
    if code in _BAD_CLOCK:
        return AccessError(what, why=why, fix="Check the secret key and this machine's clock.")
    if is_there(error):
        return AlreadyThereError(what, why=why, fix="Run it again, which takes what is there.")
    if code in _DENIED or re.search(r"not authorized to perform", text):
        return AccessError(
            what,
            why=f"{why} The denied action is {_denied_action(error, text)}.",
            fix="Ask for that permission; `pipeline-ctl policy` prints all that are needed.",
        )
    return PipelineError(what, why=why, fix="Run it again; --debug shows the details.")


def _denied_action(error: boto_errors.ClientError, text: str) -> str:
    named = re.search(r"not authorized to perform:? (\S+?:\w+)", text)
    return named[1] if named else error.operation_name
