"""What can go wrong, each with what happened, why, what to do and an exit code.

PipelineError                1  the base; anything that failed
├── UsageError               2  a name, setting or file that can never work
├── AccessError              4  no credentials, expired ones, or a missing permission
├── ForeignResourceError     1  something that is not ours holds the name
├── AlreadyThereError        1  what was to be created exists, since a moment
├── NewerPipelineError       1  a newer program made this pipeline
├── StoredImagesError        1  buckets hold images and nobody said to delete them
├── DidNotConvergeError      1  AWS took the change but shows something else
├── TimedOutError            1  a wait passed its deadline
└── InterruptedRunError    130  Ctrl-C
"""

from __future__ import annotations

from typing import ClassVar


class PipelineError(Exception):
    """What happened (`what`), its cause (`why`) and its remedy (`fix`), one sentence each."""

    code: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix


class UsageError(PipelineError):
    """The request itself cannot work, whatever AWS says."""

    code = "usage"
    exit_code = 2


class AccessError(PipelineError):
    """AWS does not know us or does not let us."""

    code = "access"
    exit_code = 4


class ForeignResourceError(PipelineError):
    """A resource with our name exists and does not carry our tag."""

    code = "foreign"


class AlreadyThereError(PipelineError):
    """Somebody else created the resource after it was found absent."""

    code = "already-there"


class NewerPipelineError(PipelineError):
    """The pipeline was made by a newer version of this program."""

    code = "newer-pipeline"


class StoredImagesError(PipelineError):
    """Images would be deleted that nobody asked to delete."""

    code = "stored-images"


class DidNotConvergeError(PipelineError):
    """A resource still differs after it was changed."""

    code = "did-not-converge"


class TimedOutError(PipelineError):
    """A bounded wait ended without what it waited for."""

    code = "timed-out"


class InterruptedRunError(PipelineError):
    """The user stopped the run."""

    code = "interrupted"
    exit_code = 130
