"""One event from end to end: each upload read, rendered, written, checked again, and reported.

The last version of an object wins without any store: after writing, the object is read again unless
it is still the version that was written. Whoever writes an old version last therefore sees the new
one and writes that too.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, replace
from typing import Any

import journal
from deadline import Deadline, OutOfTimeError
from decoding import Picture, decode
from mail import Mailbox
from memory import function_memory_mb
from refusals import Refused, Skipped
from renditions import Rendition, encoding_ms, render
from report import OutputFacts, Processed, output_facts, set_aside_fields, source_facts
from settings import Settings
from storage import Source, Storage
from uploads import Upload, records_in, upload_in

MAX_ROUNDS = 3
SLOW = (
    "The image takes longer to decode than the function has time. Give it more: a longer timeout "
    "(pipeline-ctl up --timeout), or more memory, which also makes it faster (--memory)."
)


class KeepsChangingError(RuntimeError):
    """The object was replaced in every round; Lambda's retry comes when it is quieter."""


@dataclass(frozen=True)
class Pipeline:
    """What a warm function keeps between events. `executor` sends the pictures in parallel."""

    settings: Settings
    storage: Storage
    mailbox: Mailbox
    executor: Executor

    def handle(self, event: Mapping[str, Any], deadline: Deadline) -> None:
        """Process every upload of an event; the first fault is raised when all had their turn.

        An event that says `quiet` sends no mails: its sender tells of all uploads in one.
        """
        silent = replace(self, settings=replace(self.settings, notify="none"))
        pipeline = silent if event.get("quiet") else self
        results = [pipeline._handle_one(record, deadline) for record in records_in(event)]
        faults = [fault for fault in results if fault]
        if faults:
            raise faults[0]

    def _handle_one(self, record: Mapping[str, Any], deadline: Deadline) -> Exception | None:
        try:
            upload = upload_in(record)
        except Exception as fault:  # whoever sent it, the other uploads must not suffer
            journal.write("failed", exc_info=True)
            return fault
        try:
            self._process(upload, deadline)
        except Skipped as skip:
            journal.write("skipped", **set_aside_fields(upload, skip.code, skip.reason))
        except Refused as refusal:
            return self._refuse(upload, refusal)
        except Exception as fault:  # the other uploads of the event must not suffer
            journal.write("failed", exc_info=True, bucket=upload.bucket, key=upload.key)
            return fault
        return None

    def _refuse(self, upload: Upload, refusal: Refused) -> Exception | None:
        journal.write("refused", **set_aside_fields(upload, refusal.code, refusal.reason))
        try:
            if self.settings.notify != "none":
                self.mailbox.refused(upload, refusal)
        except Exception as fault:  # as above
            journal.write("failed", exc_info=True, bucket=upload.bucket, key=upload.key)
            return fault
        return None

    def _process(self, upload: Upload, deadline: Deadline) -> None:
        watch = journal.Stopwatch()
        had_all_its_time = deadline.is_fresh
        keys = upload.output_keys(self.settings.sizes)
        with watch.stage("read"):
            source: Source | None = self.storage.read(upload, deadline)
        for number in range(MAX_ROUNDS):
            if source is None:
                break
            with source.body, watch.stage("decode"):
                final = had_all_its_time and number == 0
                picture = self._decode(source, deadline, final=final)
            report = self._write_all(upload, source, picture, keys, watch)
            with watch.stage("check"):
                source = self.storage.read_if_replaced(upload, source.etag, deadline)
        if source is not None:
            raise KeepsChangingError(f"{upload.key} was replaced {MAX_ROUNDS} times meanwhile.")
        self._tell(report, watch)

    def _decode(self, source: Source, deadline: Deadline, *, final: bool) -> Picture:
        """Decode; what is out of time is refused where more of it will not be had, else raised."""
        try:
            settings = self.settings
            picture = decode(
                source.body, max(settings.sizes.values()), jpeg_stays=settings.jpeg_stays
            )
            # From here on everything is written, or nothing was.
            deadline.check(encoding_ms(picture, settings, function_memory_mb()))
        except OutOfTimeError as late:
            if not final:
                raise
            raise Refused("out-of-time", f"{late} {SLOW}") from late
        return picture

    def _write_all(
        self,
        upload: Upload,
        source: Source,
        picture: Picture,
        keys: Mapping[str, str],
        watch: journal.Stopwatch,
    ) -> Processed:
        outputs: dict[str, OutputFacts] = {}
        pending: list[Future[None]] = []
        try:
            with watch.stage("encode"):
                for rendition in render(picture, self.settings):
                    key = keys[rendition.folder]
                    outputs[rendition.folder] = output_facts(rendition, key)
                    pending.append(self._send(key, rendition, source.etag))
        finally:
            with watch.stage("write"):
                wait(pending)  # or one could land after a retry has written a newer version
        for future in pending:
            future.result()
        return Processed(
            upload.bucket,
            upload.key,
            source.etag.strip('"'),
            source_facts(picture, source.body.size),
            tuple(outputs[folder] for folder in keys),
            self.settings.output_bucket,
        )

    def _send(self, key: str, rendition: Rendition, etag: str) -> Future[None]:
        write, fingerprint = self.storage.write, self.settings.fingerprint
        return self.executor.submit(write, key, rendition, etag, fingerprint)

    def _tell(self, report: Processed, watch: journal.Stopwatch) -> None:
        if self.settings.notify == "all":
            with watch.stage("notify"):
                elapsed = watch.milliseconds()["total"]
                self.mailbox.processed(report, elapsed, journal.max_memory_mb())
        journal.write(
            "processed",
            **report.fields(),
            stages_ms=watch.milliseconds(),
            max_memory_mb=journal.max_memory_mb(),
        )
