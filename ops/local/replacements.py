"""The few places where the local AWS changes moto itself; elsewhere it only looks into it.

Each replacement names what it replaces with the parameters it relies on. They are checked
before the server starts, so that another moto fails with a sentence instead of oddly.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import moto
from moto import backends
from moto.awslambda.models import LambdaFunction
from moto.core.common_models import BaseModel
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.s3 import notifications
from moto.s3.models import FakeKey
from moto.s3.utils import _VersionedKeyStore
from moto.sns.models import Subscription

from provision import iam_policy

from . import mail, s3_events
from .errors import IncompatibleMotoError
from .functions import arn_of
from .invocations import AsyncEvent

if TYPE_CHECKING:
    from .state import State

_LOCAL_IS_TLS = {"aws:securetransport": ["true"]}
_RESULTS = {
    "allow": PermissionResult.PERMITTED,
    "deny": PermissionResult.DENIED,
    "silent": PermissionResult.NEUTRAL,
}


@dataclass(frozen=True)
class Replacement:
    """`owner.name`, which must have these parameters, becomes `by(state, original)`."""

    owner: Any
    name: str
    parameters: tuple[str, ...]
    by: Callable[[State, Callable[..., Any]], Callable[..., Any]]

    @property
    def original(self) -> Callable[..., Any]:
        """Moto's own function."""
        original: Callable[..., Any] = getattr(self.owner, self.name)
        return original


def _invoke(state: State, original: Callable[..., Any]) -> Callable[..., Any]:
    """What moto invokes itself (an SNS subscription) is asynchronous in AWS."""

    def invoke(self: Any, body: str, request_headers: Any, response_headers: Any) -> str:
        arn = arn_of(self.account_id, self.region, self.function_name)
        state.invocations.later(AsyncEvent(arn, (body or "{}").encode()))
        return ""

    return invoke


def _send_event(state: State, original: Callable[..., Any]) -> Callable[..., Any]:
    def send_event(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
        s3_events.publish(state, event_name.value, bucket, key)

    return send_event


def _is_action_permitted(state: State, original: Callable[..., Any]) -> Callable[..., Any]:
    """An unmet condition makes a statement silent; moto lets it deny."""

    def is_action_permitted(
        self: Any,
        action: str,
        resource: str = "*",
        principal: str | None = None,
        incoming_condition_values: dict[str, str] | None = None,
    ) -> PermissionResult:
        if self.is_unknown_principal(self._statement.get("Principal")):
            return PermissionResult.NEUTRAL
        effect = iam_policy.effect(self._statement, action, resource, _LOCAL_IS_TLS)
        return _RESULTS[effect]

    return is_action_permitted


def _publish(state: State, original: Callable[..., Any]) -> Callable[..., Any]:
    """Moto drops e-mail; everything else it delivers."""

    def publish(self: Any, message: str, message_id: str, **options: Any) -> None:
        if self.protocol not in mail.PROTOCOLS:
            original(self, message, message_id, **options)
            return
        attributes = options.get("message_attributes") or {}
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(attributes, message):
            return
        if options.get("message_structure") == "json":
            message = for_protocol(message, self.protocol)
        state.mailbox.deliver(self, message, options.get("subject"), attributes)

    return publish


def _new_model(state: State, original: Callable[..., Any]) -> Callable[..., Any]:
    """Moto keeps every object for its dashboard, for ever; a daemon cannot."""

    def new(cls: type, *args: Any, **kwargs: Any) -> Any:
        return object.__new__(cls)

    return new


def _dispose(state: State, original: Callable[..., Any]) -> Callable[..., Any]:
    """No longer kept for ever, an overwritten object is closed when it is collected."""

    def dispose(self: Any, garbage: bool = False) -> None:
        original(self)

    return dispose


def _items(state: State, original: Callable[..., Any]) -> Callable[..., Any]:
    """Read over objects that are deleted while a bucket is listed, which moto trips over."""

    def items(self: Any) -> Iterator[tuple[str, Any]]:
        for key in dict(self):
            versions = self.getlist(key, [])
            if versions:
                yield key, versions[-1]

    return items


def _modules(state: State, original: Callable[..., Any]) -> Callable[..., Any]:
    """Moto lists its own folders twice a request, which takes nearly half of the time."""
    modules = frozenset(original())
    return lambda: modules


def for_protocol(message: str, protocol: str) -> str:
    """The text for one protocol of a message with MessageStructure=json."""
    texts = json.loads(message)
    return str(texts.get(protocol, texts["default"]))


_PUBLISH = (
    "self",
    "message",
    "message_id",
    "subject",
    "message_attributes",
    "group_id",
    "deduplication_id",
    "message_structure",
)
_PERMITTED = ("self", "action", "resource", "principal", "incoming_condition_values")
REPLACEMENTS = (
    Replacement(
        LambdaFunction, "invoke", ("self", "body", "request_headers", "response_headers"), _invoke
    ),
    Replacement(
        notifications, "send_event", ("account_id", "event_name", "bucket", "key"), _send_event
    ),
    Replacement(IAMPolicyStatement, "is_action_permitted", _PERMITTED, _is_action_permitted),
    Replacement(Subscription, "publish", _PUBLISH, _publish),
    Replacement(BaseModel, "__new__", ("cls", "args", "kwargs"), _new_model),
    Replacement(FakeKey, "dispose", ("self", "garbage"), _dispose),
    Replacement(_VersionedKeyStore, "items", ("self",), _items),
    Replacement(backends, "list_of_moto_modules", (), _modules),
)


def check(replacements: tuple[Replacement, ...] = REPLACEMENTS) -> None:
    """Raise IncompatibleMotoError when moto is not as the replacements expect."""
    for replacement in replacements:
        found = tuple(inspect.signature(replacement.original).parameters)
        if found != replacement.parameters:
            owner = getattr(replacement.owner, "__name__", str(replacement.owner))
            raise IncompatibleMotoError(
                f"moto {moto.__version__} does not fit this local AWS.",
                why=f"{owner}.{replacement.name} takes {', '.join(found)}.",
                fix="pip install 'pipeline-ctl[local]' installs a moto that fits.",
            )


@contextmanager
def installed(state: State) -> Iterator[None]:
    """Put the replacements into moto for the length of a `with` block."""
    check()
    with ExitStack() as undo:
        for replacement in REPLACEMENTS:
            original = replacement.original
            setattr(replacement.owner, replacement.name, replacement.by(state, original))
            undo.callback(setattr, replacement.owner, replacement.name, original)
        yield
