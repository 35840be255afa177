"""Walks the list of resources: plan, up and down.

`plan` reads everything at once and compares. `up` does the same and changes what differs, each
resource as soon as those it needs stand. `down` walks the other way. After a failure the
independent branches go on; the dependants are reported as skipped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from graphlib import TopologicalSorter

from provision.aws import Aws
from provision.aws_errors import explained
from provision.errors import (
    AlreadyThereError,
    DidNotConvergeError,
    ForeignResourceError,
    PipelineError,
    TimedOutError,
)
from provision.events import Event
from provision.resource import Change, Known, Resource, State, compare

_CONVERGE_S = 10.0
_THREADS = 16
_LOOKS = 3


@dataclass
class Outcome:
    """What a walk did: a change a resource that was reached, an error a resource that failed."""

    changes: dict[str, Change] = field(default_factory=dict)
    known: dict[str, State] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: dict[str, PipelineError] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    remaining: list[str] = field(default_factory=list)  # what `down` found at its last look

    @property
    def ok(self) -> bool:
        return not self.failures and not self.skipped


def plan(aws: Aws, resources: Sequence[Resource]) -> Outcome:
    """Say what `up` would change. Only reads."""
    outcome = Outcome()
    by_name = {resource.name: resource for resource in resources}
    with ThreadPoolExecutor(_THREADS) as pool:
        reads = {name: pool.submit(_read, by_name[name]) for name in by_name}
    for name in _in_order(resources):
        try:
            actual = reads[name].result()
            desired = explained(lambda: by_name[name].desired(outcome.known), "plan", name)  # noqa: B023
        except PipelineError as error:
            outcome.failures[name] = error
            continue
        change = compare(name, desired, actual)
        outcome.changes[name] = change
        outcome.known[name] = {**(actual or {}), **(desired or {})}
    return outcome


def up(aws: Aws, resources: Sequence[Resource]) -> Outcome:
    """Create what is missing and mend what differs; a second run changes nothing."""
    outcome = Outcome()
    dependants = _reversed_needs(resources)
    with ThreadPoolExecutor(_THREADS) as pool:
        reads = {resource.name: pool.submit(_read, resource) for resource in resources}

        def visit(resource: Resource) -> None:
            actual = reads[resource.name].result()
            desired = explained(lambda: resource.desired(outcome.known), "plan", resource.name)
            change = compare(resource.name, desired, actual)
            aws.say(Event("started", resource.name, change.action))
            if change.action != "keep":
                wait([reads[name] for name in dependants[resource.name]])  # or they see this one
                actual = _change(aws, resource, change, actual, outcome.known)
            outcome.known[resource.name] = actual or {}
            new_id = (actual or {}).get("id", change.id)
            outcome.changes[resource.name] = Change(
                resource.name, change.action, change.differences, new_id
            )

        needs = {resource.name: resource.needs for resource in resources}
        _walk(aws, pool, resources, needs, visit, outcome)
    return outcome


def down(aws: Aws, resources: Sequence[Resource]) -> Outcome:
    """Delete what is ours, dependants first; what is foreign or absent is left alone.

    Looks again at the end: a late invocation can bring a log group back (G7) or fill a bucket.
    """
    outcome = Outcome()
    remaining = list(resources)
    for _ in range(_LOOKS):
        _delete_all(aws, remaining, outcome)
        remaining, unreadable = _look(resources)
        outcome.failures = {**unreadable, **outcome.failures}
        if not remaining or not outcome.ok:
            break
    outcome.remaining = [resource.name for resource in remaining]
    return outcome


def _delete_all(aws: Aws, resources: Sequence[Resource], outcome: Outcome) -> None:
    def visit(resource: Resource) -> None:
        try:
            actual = _read(resource)
        except ForeignResourceError as foreign:
            aws.say(Event("finished", resource.name, f"left alone: {foreign.what}"))
            return
        if not _is_ours(actual):
            return
        aws.say(Event("started", resource.name, "delete"))
        explained(resource.delete, "delete", resource.name)
        outcome.changes[resource.name] = Change(
            resource.name, "delete", id=(actual or {}).get("id")
        )

    with ThreadPoolExecutor(_THREADS) as pool:
        _walk(aws, pool, resources, _reversed_needs(resources), visit, outcome)


def present(resources: Sequence[Resource]) -> list[Resource]:
    """Return the resources that exist and are ours."""
    there, unreadable = _look(resources)
    for error in unreadable.values():
        raise error
    return there


def _look(resources: Sequence[Resource]) -> tuple[list[Resource], dict[str, PipelineError]]:
    """Return what is ours, with what cannot be read and so may be there, and why it cannot."""
    unreadable: dict[str, PipelineError] = {}

    def exists(resource: Resource) -> bool:
        try:
            return _is_ours(_read(resource))
        except ForeignResourceError:
            return False
        except PipelineError as error:
            unreadable[resource.name] = error
            return True

    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(exists, resources))
    there = [resource for resource, exists in zip(resources, found, strict=True) if exists]
    return there, unreadable


def _is_ours(actual: State | None) -> bool:
    """Whether there is something to delete; an adopted bucket stays its owner's."""
    return actual is not None and not actual.get("adopted")


def _change(
    aws: Aws, resource: Resource, change: Change, actual: State | None, known: Known
) -> State | None:
    """Apply, and read until AWS shows it; once more if it does not, for what it was not told."""
    if change.action == "delete":
        explained(resource.delete, "delete", resource.name)
        return None
    for deadline_s in (_CONVERGE_S, 2 * _CONVERGE_S):
        settled: Callable[[State | None], bool] = partial(_is_kept, resource, known)
        try:
            explained(partial(resource.apply, actual, known), change.action, resource.name)
        except AlreadyThereError:  # another run, or Lambda itself (G1), was faster
            settled = _is_present
        seen = _read_back(aws, resource, settled, deadline_s)
        if isinstance(seen, ForeignResourceError):
            raise seen
        remaining = compare(resource.name, resource.desired(known), seen)
        if remaining.action == "keep":
            return seen
        actual = seen
    fields = ", ".join(difference.field for difference in remaining.differences)
    raise DidNotConvergeError(
        f"{resource.name} was changed, but AWS still shows something else: {fields}.",
        why="Something else may be changing it at the same time.",
        fix="Run `pipeline-ctl up` again; `pipeline-ctl plan` shows the fields.",
    )


def _is_kept(resource: Resource, known: Known, actual: State | None) -> bool:
    return compare(resource.name, resource.desired(known), actual).action == "keep"


def _is_present(actual: State | None) -> bool:
    return actual is not None


def _read_back(
    aws: Aws, resource: Resource, settled: Callable[[State | None], bool], deadline_s: float
) -> State | ForeignResourceError | None:
    """Read until it is `settled`, or return what was seen last; reads may lag for seconds.

    A tag that is not visible yet makes a new resource look foreign (S5).
    """
    last: list[State | ForeignResourceError | None] = [None]

    def shown() -> bool | None:
        try:
            last[0] = actual = _read(resource)
        except ForeignResourceError as error:
            last[0] = error
            return None
        return settled(actual) or None

    with suppress(TimedOutError):
        aws.wait_until(resource.name, shown, why="AWS to show the change", deadline_s=deadline_s)
    return last[0]


def _read(resource: Resource) -> State | None:
    return explained(resource.read, "read", resource.name)


def _walk(
    aws: Aws,
    pool: ThreadPoolExecutor,
    resources: Sequence[Resource],
    needs: Mapping[str, Sequence[str]],
    visit: Callable[[Resource], None],
    outcome: Outcome,
) -> None:
    """Visit each resource once those it needs were visited without failure."""
    by_name = {resource.name: resource for resource in resources}
    sorter = TopologicalSorter(needs)
    sorter.prepare()
    running: dict[Future[None], str] = {}
    begun: dict[str, float] = {}
    with aws.stopping_threads():
        while sorter.is_active():
            for name in sorter.get_ready():
                blocker = _blocker(needs[name], outcome)
                if blocker:
                    outcome.skipped[name] = f"{blocker} is not there"
                    aws.say(Event("skipped", name, f"skipped, {blocker} failed"))
                    sorter.done(name)
                else:
                    begun[name] = time.monotonic()
                    running[pool.submit(visit, by_name[name])] = name
            if running:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    name = running.pop(future)
                    outcome.seconds[name] = time.monotonic() - begun[name]
                    _settle(aws, name, future, outcome)
                    sorter.done(name)


def _settle(aws: Aws, name: str, future: Future[None], outcome: Outcome) -> None:
    error = future.exception()
    if isinstance(error, PipelineError):
        outcome.failures[name] = error
        aws.say(Event("failed", name, error.what, outcome.seconds[name]))
    elif error is not None:
        raise error
    elif name in outcome.changes:
        aws.say(Event("finished", name, outcome.changes[name].action, outcome.seconds[name]))


def _blocker(needs: Sequence[str], outcome: Outcome) -> str | None:
    return next((n for n in needs if n in outcome.failures or n in outcome.skipped), None)


def _in_order(resources: Sequence[Resource]) -> list[str]:
    return list(TopologicalSorter({r.name: r.needs for r in resources}).static_order())


def _reversed_needs(resources: Sequence[Resource]) -> dict[str, list[str]]:
    reversed_needs: dict[str, list[str]] = {resource.name: [] for resource in resources}
    for resource in resources:
        for needed in resource.needs:
            if needed in reversed_needs:  # kept buckets are not in the list
                reversed_needs[needed].append(resource.name)
    return reversed_needs
