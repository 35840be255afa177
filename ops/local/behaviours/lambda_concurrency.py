"""Reserved concurrency and the limits of the account (L26, L28)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.awslambda.models import lambda_backends

from .. import faults, functions
from ..calls import Call, Refusal
from ..table import Sheet
from .lambda_refusals import arn, invalid_parameter, missing_function, not_found

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_ACCOUNT_CONCURRENCY = 1000
_UNRESERVED_MINIMUM = 100


@rows.refuses("L28", "lambda.PutFunctionConcurrency")
def concurrency_of_nothing(state: State, call: Call) -> Refusal | None:
    """Refuse for a function that is absent; here its ARN carries a qualifier."""
    if missing_function(call) is None:
        return None
    return not_found(f"Function not found: {arn(call)}:$LATEST")


@rows.refuses("L26", "lambda.PutFunctionConcurrency")
def unreserved_concurrency(state: State, call: Call) -> Refusal | None:
    """Refuse to reserve what the account must keep; new accounts have ten in all."""
    limit, minimum = _account_concurrency(state)
    others = _reserved(call.account, call.region, but=arn(call))
    if limit - others - call.get("ReservedConcurrentExecutions", 0) >= minimum:
        return None
    return invalid_parameter(
        "Specified ReservedConcurrentExecutions for function decreases account's "
        f"UnreservedConcurrentExecution below its minimum value of [{minimum}]."
    )


@rows.answers("L26", "lambda.GetAccountSettings")
def account_settings(state: State, call: Call) -> dict[str, Any]:
    """Answer the account's limits; moto does not know the call."""
    limit, _ = _account_concurrency(state)
    known = lambda_backends[call.account][call.region]._lambdas.latest()
    sizes = [function.code_size for function in known]
    return {
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": limit,
            "UnreservedConcurrentExecutions": limit - _reserved(call.account, call.region),
        },
        "AccountUsage": {"TotalCodeSize": sum(sizes), "FunctionCount": len(sizes)},
    }


def _account_concurrency(state: State) -> tuple[int, int]:
    """The account's concurrency, and how much of it must stay unreserved."""
    if faults.ACCOUNT_CONCURRENCY in state.settings.faults:
        return 10, 10
    return _ACCOUNT_CONCURRENCY, _UNRESERVED_MINIMUM


def _reserved(account: str, region: str, but: str = "") -> int:
    known = lambda_backends[account][region]._lambdas.latest()
    others = (f for f in known if functions.arn_of(account, region, f.function_arn) != but)
    return sum(f.reserved_concurrency or 0 for f in others)
