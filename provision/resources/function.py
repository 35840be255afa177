"""The Lambda function: its code, its configuration, and the settings recorded in its tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any, Final

from botocore.exceptions import ClientError

from provision.aws import Aws
from provision.aws_errors import error_code, error_text, found
from provision.errors import ForeignResourceError, PipelineError
from provision.names import PIPELINE_TAG, Names
from provision.package import Package
from provision.resource import Known, State, fact
from provision.resources.layer import delete_superseded_versions, layer_arn, superseded_versions
from provision.resources.role import disarm
from provision.spec import TAG_PREFIX, Settings

HANDLER: Final = "lambda_function.lambda_handler"
ROLE_ID_TAG: Final = f"{TAG_PREFIX}role-id"
CODE_TAG: Final = f"{TAG_PREFIX}code"
_LOGGING: Final = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
_CONFIGURATION: Final = {
    "runtime": "Runtime",
    "handler": "Handler",
    "memory_mb": "MemorySize",
    "timeout_s": "Timeout",
    "role": "Role",
    "layers": "Layers",
    "environment": "Environment",
    "logging": "LoggingConfig",
}
_ROLE_S: Final = 150.0
_ROLE_DELAY_S: Final = 0.1  # each refused try takes Lambda a second or two already
_UPDATE_S: Final = 120.0
_ACTIVE_S: Final = 180.0
_DONE, _FAILED = "Successful", "Failed"  # Lambda's words for an update
_STATE_WORDS: Final = ("in progress", "following state", "concurrent update")  # (L4, L5, L6)


class Function:
    """The function, made with everything it needs in one call and kept that way."""

    name = "function"
    needs: tuple[str, ...] = ("role", "layer", "log-group", "output-bucket", "topic")

    def __init__(
        self,
        aws: Aws,
        names: Names,
        settings: Settings,
        package: Package,
        *,
        output_bucket: str,
        tags: Mapping[str, str],
    ) -> None:
        self._aws = aws
        self._names = names
        self._settings = settings
        self._package = package
        self._output_bucket = output_bucket
        self._tags = dict(tags)

    def desired(self, known: Known) -> State:
        return {
            "runtime": self._settings.runtime,
            "handler": HANDLER,
            "memory_mb": self._settings.memory,
            "timeout_s": self._settings.timeout,
            "architecture": self._settings.arch,
            "role": fact(known, "role", "id"),
            "layers": [layer_arn(known)],
            "environment": self._environment(),
            "logging": {**_LOGGING, "LogGroup": self._names.log_group},
            "code": self._package.digest,
            "old_layer_versions": [],
            "last_update": _DONE,
            # A role made anew under the same name has another id, and Lambda must be told (I12).
            "tags": {**self._tags, ROLE_ID_TAG: fact(known, "role", "role_id")},
        }

    def read(self) -> State | None:
        with ThreadPoolExecutor(1) as pool:
            old_layer_versions = pool.submit(superseded_versions, self._aws, self._names)
            answer = found(
                lambda: self._aws.lambda_.get_function(FunctionName=self._names.function),
                "ResourceNotFoundException",
            )
        if answer is None:
            return None
        tags = answer.get("Tags", {})
        if tags.get(PIPELINE_TAG) != self._names.pipeline:
            raise ForeignResourceError(
                f"The Lambda function {self._names.function} was not made by this pipeline.",
                why=f"It lacks the tag {PIPELINE_TAG}={self._names.pipeline}.",
                fix="Choose another --name.",
            )
        code = deployed_code(answer)
        if code != self._package.digest:  # then have the zip by the time that all else is read
            Thread(target=lambda: self._package.zip).start()
        configuration = answer["Configuration"]
        return {
            "id": configuration["FunctionArn"],
            "runtime": configuration["Runtime"],
            "handler": configuration["Handler"],
            "memory_mb": configuration["MemorySize"],
            "timeout_s": configuration["Timeout"],
            "architecture": configuration.get("Architectures", ["x86_64"])[0],
            "role": configuration["Role"],
            "layers": [layer["Arn"] for layer in configuration.get("Layers", [])],
            "environment": configuration.get("Environment", {}).get("Variables", {}),
            "logging": configuration.get("LoggingConfig", {}),
            "code": code,
            "old_layer_versions": old_layer_versions.result(),
            "last_update": configuration.get("LastUpdateStatus", _DONE),  # none yet if new (L1)
            "tags": _settings_tags(tags),
        }

    def apply(self, actual: State | None, known: Known) -> None:
        """Create or update, without waiting until Lambda has put it into force.

        A new function becomes active while it gets its notification, an update while it is read
        back.
        """
        desired = self.desired(known)
        if actual is None:
            self._create(desired)
            return
        self._update(actual, desired)
        if actual["last_update"] != _DONE:  # it takes longer than it is read back, or has failed
            wait_until_active(self._aws, self._names)

    def record(self) -> None:
        """Record the settings ahead of all else, where the function stands and is ours."""
        actual = self.read()
        if actual is not None:
            role_id = {k: v for k, v in actual["tags"].items() if k == ROLE_ID_TAG}
            self._retag(actual, {"tags": {**self._tags, **role_id}})

    def delete(self) -> None:
        """Delete it and wait until it is gone.

        An invocation under way would go on writing images and log lines after the buckets and
        the log group are gone (S25, G7), so what it may do is taken away first.
        """
        disarm(self._aws, self._names)
        found(
            lambda: self._aws.lambda_.delete_function(FunctionName=self._names.function),
            "ResourceNotFoundException",
        )
        self._aws.wait_until(
            self.name,
            lambda: True if _configuration(self._aws, self._names) is None else None,
            why="Lambda to delete the function",
            deadline_s=_UPDATE_S,
        )

    def _environment(self) -> dict[str, str]:
        """Return the original's two variables, and the settings that differ from the defaults."""
        defaults = Settings()
        optional = {
            "SIZES": (self._settings.sizes, defaults.sizes),
            "NOTIFY": (self._settings.notify, defaults.notify),
            "FORMAT": (self._settings.format, defaults.format),
            "QUALITY": (str(self._settings.quality), str(defaults.quality)),
        }
        return {
            "OUTPUT_BUCKET": self._output_bucket,
            "SNS_TOPIC_ARN": self._names.topic_arn,
            **{key: value for key, (value, default) in optional.items() if value != default},
        }

    def _create(self, desired: State) -> None:
        parameters: dict[str, Any] = {
            "FunctionName": self._names.function,
            "Description": self._names.description,
            "Code": {"ZipFile": self._package.zip},
            "Architectures": [desired["architecture"]],
            "Tags": {**desired["tags"], CODE_TAG: self._code_mark()},
            **_parameters(desired, _CONFIGURATION),
        }
        self._patiently(lambda: self._aws.lambda_.create_function(**parameters))

    def _update(self, actual: State, desired: State) -> None:
        """Update configuration, then code: old code works with a new layer (L8)."""
        lambda_, function = self._aws.lambda_, self._names.function
        differing = {field for field, value in desired.items() if actual.get(field) != value}
        role_is_new = desired["tags"].get(ROLE_ID_TAG) != actual["tags"].get(ROLE_ID_TAG)
        again = actual["last_update"] == _FAILED
        fields = {f for f in _CONFIGURATION if f in differing or (f == "role" and role_is_new)}
        if fields:
            changed = {field: _CONFIGURATION[field] for field in sorted(fields)}
            self._patiently(
                lambda: lambda_.update_function_configuration(
                    FunctionName=function, **_parameters(desired, changed)
                )
            )
        if again or differing & {"code", "architecture", "runtime"}:  # bytecode is one Python's
            self._patiently(
                lambda: lambda_.update_function_code(
                    FunctionName=function,
                    ZipFile=self._package.zip,
                    Architectures=[desired["architecture"]],
                )
            )
            self._tag(actual, {CODE_TAG: self._code_mark()})
        if "tags" in differing:
            self._retag(actual, desired)
        if differing & {"layers", "old_layer_versions"}:
            wait_until_active(self._aws, self._names)
            delete_superseded_versions(self._aws, self._names)

    def _code_mark(self) -> str:
        """Return what `deployed_code` reads: which files were zipped, and as which zip."""
        return f"{self._package.digest}:{self._package.code_sha256}"

    def _retag(self, actual: State, desired: State) -> None:
        """Put the tags, then take away: what died in between still knows all it knew."""
        self._tag(actual, desired["tags"])
        gone = sorted(set(actual["tags"]) - set(desired["tags"]))
        if gone:
            self._patiently(
                lambda: self._aws.lambda_.untag_resource(Resource=actual["id"], TagKeys=gone)
            )

    def _tag(self, actual: State, tags: Mapping[str, str]) -> None:
        """Tag the function; an update that is still under way may be in the way (L4)."""
        self._patiently(
            lambda: self._aws.lambda_.tag_resource(Resource=actual["id"], Tags=dict(tags))
        )

    def _patiently(self, call: Callable[[], object]) -> None:
        try:
            self._aws.persist(
                self.name,
                call,
                transient=_passes,
                why="the new role to reach Lambda, or Lambda to finish its last update",
                deadline_s=_ROLE_S,
                longest_delay_s=_ROLE_DELAY_S,
            )
        except ClientError as error:
            if "cannot be assumed by Lambda" not in error_text(error):
                raise
            raise PipelineError(
                f"Lambda cannot use the role {self._names.role}.",
                why=f"For {_ROLE_S:.0f} s AWS answered: {error_text(error)} Its trust policy must "
                "allow lambda.amazonaws.com, and no policy of the organisation may forbid it.",
                fix="Run `pipeline-ctl up` again, which puts the trust policy right.",
            ) from error


def deployed_code(answer: Mapping[str, Any]) -> str:
    """Return the digest of the deployed code's files, from GetFunction's answer.

    Zips of the same files differ from machine to machine, so a tag tells which files are in the
    zip that was uploaded last; of any other zip, this is Lambda's own hash.
    """
    digest, _, uploaded = answer.get("Tags", {}).get(CODE_TAG, "").partition(":")
    actual = str(answer["Configuration"]["CodeSha256"])
    return str(digest) if uploaded == actual else actual


def _settings_tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in tags.items() if k.startswith(TAG_PREFIX) and k != CODE_TAG}


def wait_until_active(aws: Aws, names: Names) -> None:
    """Wait until Lambda has finished making or updating the function (L1, L3)."""

    def active() -> bool | None:
        configuration = _configuration(aws, names) or {}
        for field in ("State", "LastUpdateStatus"):
            if configuration.get(field) == _FAILED:
                raise PipelineError(
                    f"Lambda could not activate {names.function}.",
                    why=str(configuration.get(f"{field}Reason", "It gives no reason.")),
                    fix="Run `pipeline-ctl up` again.",
                )
        settled = configuration.get("LastUpdateStatus") == _DONE
        return True if settled and configuration.get("State") == "Active" else None

    aws.wait_until(
        Function.name, active, why="Lambda to activate the function", deadline_s=_ACTIVE_S
    )


def _configuration(aws: Aws, names: Names) -> Mapping[str, Any] | None:
    return found(
        lambda: aws.lambda_.get_function_configuration(FunctionName=names.function),
        "ResourceNotFoundException",
    )


def _parameters(desired: State, fields: Mapping[str, str]) -> dict[str, Any]:
    """Return our fields as Lambda's parameters."""
    parameters = {parameter: desired[field] for field, parameter in fields.items()}
    if "Environment" in parameters:
        parameters["Environment"] = {"Variables": parameters["Environment"]}
    return parameters


def _passes(error: ClientError) -> bool:
    """Whether waiting helps: a role too fresh (I1, I3) or an update under way (L4, L5, L6)."""
    code, text = error_code(error), error_text(error)
    if code == "InvalidParameterValueException":
        return "cannot be assumed by Lambda" in text or "KMS key is invalid" in text
    return code == "ResourceConflictException" and any(word in text for word in _STATE_WORDS)
