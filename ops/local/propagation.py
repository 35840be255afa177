"""How changes reach the parts of AWS that act on them: at once, unless time matters.

What was written is read back at once (moto has it); what acts on it sees it later. With
`behave="aws"` a change comes into force after a time drawn from `aws_times`, scaled.
"""

from __future__ import annotations

import copy
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import authorization, aws_times, clock, functions
from .aws_times import Spread
from .calls import Call, Refusal

if TYPE_CHECKING:
    from .state import State

_SENDING = {
    "sns": "SNS:Publish",
    "sqs": "sqs:SendMessage",
    "lambda": "lambda:InvokeFunction",
}
_EMPTY_PAGES = 0.2  # how often a page of log events comes empty (G4)


class History:
    """Values as they were written, each with the time from which it is in force."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, Any]] = []

    def add(self, value: Any, after_s: float) -> None:
        """Let `value` come into force in `after_s` seconds."""
        self._entries.append((clock.monotonic() + after_s, value))

    def now(self, before: Any) -> Any:
        """The newest value in force; `before` when the first is still to come.

        What was written before it never comes, however slow it was.
        """
        now = clock.monotonic()
        due = [place for place, (since, _) in enumerate(self._entries) if since <= now]
        if not due:
            return before
        del self._entries[: due[-1]]
        return self._entries[0][1]


class Propagation:
    """What is in force now, as opposed to what was last written."""

    def __init__(self) -> None:
        self._random = random.Random()  # noqa: S311 - no secret depends on it
        self._lock = threading.Lock()
        self._histories: dict[tuple[str, str], History] = {}
        self._under_way: list[Call] = []
        self._earlier: dict[str, list[Call]] = {}  # what was under way when a call came

    def seed(self, seed: int | None) -> None:
        """Begin a sequence of random numbers anew."""
        self._random.seed(seed)

    def draw(self, state: State, spread: Spread) -> float:
        """Draw a scaled duration; 0 where time does not matter."""
        if not state.settings.takes_time:
            return 0.0
        with self._lock:
            return spread.sample(self._random) * state.settings.time_scale

    def happens(self, state: State, chance: float) -> bool:
        """Draw whether a rare thing happens; never where time does not matter."""
        with self._lock:
            return state.settings.takes_time and self._random.random() < chance

    def delay(self, state: State, call: Call) -> None:
        """Wait as long as AWS takes for this call."""
        if not state.settings.takes_time:
            return
        in_region = authorization.identify(call).kind == "role"
        with self._lock:
            seconds = aws_times.latency(call.action, self._random, in_region=in_region)
        time.sleep(seconds * state.settings.time_scale * state.settings.latency_scale)

    @contextmanager
    def under_way(self, call: Call) -> Iterator[None]:
        """Count a call among those being answered."""
        with self._lock:
            self._earlier[call.request_id] = list(self._under_way)
            self._under_way.append(call)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.remove(call)
                del self._earlier[call.request_id]

    def others_under_way(self, call: Call, actions: tuple[str, ...], parameter: str) -> bool:
        """Say whether one of `actions` on the same thing was not yet answered when this came."""
        with self._lock:
            earlier = self._earlier[call.request_id]
        return any(c.action in actions and c.get(parameter) == call.get(parameter) for c in earlier)

    def change(self, state: State, kind: str, name: str, value: Any, spread: Spread) -> None:
        """Let a value of one thing come into force later."""
        seconds = self.draw(state, spread)
        with self._lock:
            self._histories.setdefault((kind, name), History()).add(value, seconds)

    def forget(self, kind: str, name: str) -> None:
        """Drop what is known of a thing that was deleted."""
        with self._lock:
            self._histories.pop((kind, name), None)

    def in_force(self, kind: str, name: str, *, before: Any, unknown: Any) -> Any:
        """The value in force: `before` the first one came, `unknown` when none was noted."""
        with self._lock:
            history = self._histories.get((kind, name))
            return unknown if history is None else history.now(before)

    def role_is_known(self, role_arn: str) -> bool:
        """Say whether Lambda can assume a role whose trust policy allows it (I1)."""
        return bool(self.in_force("role", role_arn, before=False, unknown=True))

    def effective_documents(self, account: str, role: str, documents: list[str]) -> list[str]:
        """The policies of a role that are enforced at this moment (I6)."""
        enforced = self.in_force("policy", f"{account}/{role}", before=[], unknown=documents)
        return list(enforced)

    def may_send(self, state: State, account: str, role_arn: str, target: str) -> bool:
        """Whether the role's enforced policies allow to send to a topic, queue or function."""
        action = _SENDING.get(target.split(":")[2])
        return action is None or authorization.role_may(state, account, role_arn, action, target)

    def missing_send_permission(
        self, state: State, account: str, role_arn: str, target: str
    ) -> Refusal | None:
        """Lambda's refusal when a role may not send to a target, or not yet (I5)."""
        if self.may_send(state, account, role_arn, target):
            return None
        verb = _SENDING[target.split(":")[2]].partition(":")[2]
        text = f"The function's execution role does not have permissions to call {verb} on {target}"
        return Refusal("InvalidParameterValueException", text)

    def settling_s(self, state: State, call: Call) -> float:
        """How long a function stays Pending or InProgress after this call (L1, L3)."""
        if call.operation == "CreateFunction":
            return self.draw(state, aws_times.FUNCTION_CREATED)
        layered = call.get("Layers") is not None
        spread = aws_times.LAYERS_UPDATED if layered else aws_times.FUNCTION_UPDATED
        return self.draw(state, spread)

    def policy_changed(self, state: State, arn: str) -> None:
        """Note a function's new resource policy, which S3 sees later (S10)."""
        statements = copy.deepcopy(functions.get(arn).policy.statements)
        spread = aws_times.PERMISSION_SEEN
        self.change(state, "permission", arn, {"Statement": statements}, spread)

    def function_policy(self, state: State, arn: str) -> dict[str, Any] | None:
        """A function's resource policy as S3 sees it (S10)."""
        if functions.find(arn) is None:
            return None
        seen: dict[str, Any] | None = self.in_force("permission", arn, before=None, unknown=None)
        return seen

    def notify(self, state: State, bucket: str, configuration: dict[str, Any]) -> None:
        """Take in a new notification configuration; events follow it later (S17)."""
        state.notifications[bucket] = configuration
        spread = aws_times.NOTIFICATION_EFFECTIVE
        self.change(state, "notification", bucket, configuration, spread)

    def notifications(self, state: State, bucket: str) -> dict[str, Any]:
        """The notification configuration that events follow now."""
        found: dict[str, Any] = self.in_force("notification", bucket, before={}, unknown={})
        return found

    def event_is_visible(self, state: State, event: dict[str, Any]) -> bool:
        """Say whether readers of logs see an event already; each has a delay of its own (G3)."""
        if not state.settings.takes_time:
            return True
        own = random.Random(f"{state.settings.seed}{event['timestamp']}{event['message']}")  # noqa: S311
        delay_s = aws_times.LOGS_VISIBLE.sample(own) * state.settings.time_scale
        return clock.wall() >= float(event["ingestionTime"]) / 1000 + delay_s

    def maybe_empty(self, state: State, page: list[Any]) -> list[Any]:
        """A page of log events, or now and then an empty one with a token to go on (G4)."""
        return [] if page and self.happens(state, _EMPTY_PAGES) else page
