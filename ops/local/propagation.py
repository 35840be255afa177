"""How changes reach the parts of AWS that act on them: at once, unless time matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import authorization, functions
from .calls import Refusal

if TYPE_CHECKING:
    from .calls import Call
    from .state import State

_SENDING = {
    "sns": ("SNS:Publish", "Publish on SNS"),
    "sqs": ("sqs:SendMessage", "SendMessage on SQS"),
    "lambda": ("lambda:InvokeFunction", "InvokeFunction on Lambda"),
}


class Propagation:
    """What is in force now, as opposed to what was last written."""

    def delay(self, state: State, call: Call) -> None:
        """Wait as long as AWS takes for this call."""

    def effective_documents(self, account: str, role: str, documents: list[str]) -> list[str]:
        """The policies of a role that are enforced at this moment."""
        return documents

    def role_changed(self, state: State, account: str, role: str) -> None:
        """Note that a role or its trust policy is new."""

    def role_is_known(self, state: State, role_arn: str) -> bool:
        """Say whether Lambda can assume a role whose trust policy allows it (I1)."""
        return True

    def missing_send_permission(
        self, state: State, account: str, role_arn: str, target: str
    ) -> Refusal | None:
        """Lambda's refusal when a role may not send to a target yet, or never may (I2, I5)."""
        action, _ = _SENDING.get(target.split(":")[2], ("", ""))
        if not action or authorization.role_may(state, account, role_arn, action, target):
            return None
        text = (
            f"The function's execution role does not have permissions to call "
            f"{action.partition(':')[2]} on {target}"
        )
        return Refusal("InvalidParameterValueException", text)

    def settling_s(self, state: State, call: Call) -> float:
        """How long a function stays Pending or InProgress after this call (L1, L3)."""
        return 0.0

    def policy_changed(self, state: State, arn: str) -> None:
        """Note that a function's resource policy is new."""

    def function_policy(self, state: State, arn: str) -> dict[str, Any] | None:
        """A function's resource policy as S3 sees it (S10)."""
        function = functions.find(arn)
        if function is None or not function.policy.statements:
            return None
        return {"Statement": function.policy.statements}

    def event_is_visible(self, state: State, event: dict[str, Any]) -> bool:
        """Say whether readers of logs see an event already (G3)."""
        return True

    def maybe_empty(self, state: State, call: Call, page: list[Any]) -> list[Any]:
        """A page of log events, or an empty one with a token to go on (G4)."""
        return page

    def notify(self, state: State, bucket: str, configuration: dict[str, Any]) -> None:
        """Take in a new notification configuration (S17)."""
        state.notifications[bucket] = configuration

    def notifications(self, state: State, bucket: str) -> dict[str, Any]:
        """The notification configuration in force."""
        return state.notifications.get(bucket, {})
