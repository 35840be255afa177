"""The Pillow layer: published when its content changes, known by the digest in its description.

Layer versions cannot be changed nor tagged and their numbers are never used again (L14). Old
ones are deleted by the function, once it is on the newest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from provision.aws import Aws
from provision.errors import ForeignResourceError
from provision.names import Names
from provision.package import Package
from provision.pillow_layer import Target
from provision.resource import KNOWN_AFTER_APPLY, Known, State

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import LayerVersionsListItemTypeDef


class Layer:
    """The version of the layer with the newest content."""

    name = "layer"
    needs: tuple[str, ...] = ()

    def __init__(
        self, aws: Aws, names: Names, target: Target, build: Callable[[Target], Package]
    ) -> None:
        self._aws = aws
        self._names = names
        self._target = target
        self._build = build
        self._mark = _mark(names)

    @cached_property
    def _package(self) -> Package:
        return self._build(self._target)

    def desired(self, known: Known) -> State:
        return {
            "sha256": self._package.digest,
            "runtimes": [self._target.runtime],
            "architectures": [self._target.arch],
        }

    def read(self) -> State | None:
        versions = _versions(self._aws, self._names)
        if not versions:
            return None
        ours = [v for v in versions if v.get("Description", "").startswith(self._mark)]
        if not ours:
            raise ForeignResourceError(
                f"The Lambda layer {self._names.layer} exists and was not made by this pipeline.",
                why="The descriptions of its versions are not ours.",
                fix="Choose another --name.",
            )
        kept = _kept(ours)
        digest = kept["Description"].removeprefix(self._mark)
        return {
            "id": kept["LayerVersionArn"],
            "published": {digest: kept["LayerVersionArn"]},
            "sha256": digest,
            "runtimes": sorted(kept.get("CompatibleRuntimes", [])),
            "architectures": sorted(kept.get("CompatibleArchitectures", [])),
        }

    def apply(self, actual: State | None, known: Known) -> None:
        self._aws.lambda_.publish_layer_version(
            LayerName=self._names.layer,
            Description=self._mark + self._package.digest,
            Content={"ZipFile": self._package.zip},
            CompatibleRuntimes=[self._target.runtime],  # type: ignore[list-item]
            CompatibleArchitectures=[self._target.arch],  # type: ignore[list-item]
            LicenseInfo="MIT-CMU",
        )

    def delete(self) -> None:
        for version in _ours(self._aws, self._names):
            _delete_version(self._aws, self._names, version["Version"])


def layer_arn(known: Known) -> str:
    """Return the ARN of the wanted content's version, or KNOWN_AFTER_APPLY until it is there."""
    layer = known.get(Layer.name, {})
    return str(layer.get("published", {}).get(layer.get("sha256"), KNOWN_AFTER_APPLY))


def superseded_versions(aws: Aws, names: Names) -> list[int]:
    """Return the numbers of all versions of ours but the one that the function is to use."""
    ours = _ours(aws, names)
    return sorted(v["Version"] for v in ours if v is not _kept(ours))


def delete_superseded_versions(aws: Aws, names: Names) -> None:
    """Delete what `superseded_versions` returns."""
    for version in superseded_versions(aws, names):
        _delete_version(aws, names, version)


def _kept(versions: Sequence[LayerVersionsListItemTypeDef]) -> LayerVersionsListItemTypeDef:
    """Return the first version with the newest content.

    Two runs at once publish the same twice; this way both choose the same one.
    """
    newest = max(versions, key=_number)
    return min((v for v in versions if _content(v) == _content(newest)), key=_number)


def _number(version: LayerVersionsListItemTypeDef) -> int:
    return version["Version"]


def _content(version: LayerVersionsListItemTypeDef) -> tuple[object, ...]:
    return (
        version.get("Description"),
        sorted(version.get("CompatibleRuntimes", [])),
        sorted(version.get("CompatibleArchitectures", [])),
    )


def _ours(aws: Aws, names: Names) -> list[LayerVersionsListItemTypeDef]:
    mark = _mark(names)
    return [v for v in _versions(aws, names) if v.get("Description", "").startswith(mark)]


def _delete_version(aws: Aws, names: Names, version: int) -> None:
    """Delete a version; one that is absent is no error (L14)."""
    aws.lambda_.delete_layer_version(LayerName=names.layer, VersionNumber=version)


def _mark(names: Names) -> str:
    return f"pipeline-ctl:{names.pipeline} sha256:"


def _versions(aws: Aws, names: Names) -> list[LayerVersionsListItemTypeDef]:
    pages = aws.lambda_.get_paginator("list_layer_versions").paginate(LayerName=names.layer)
    return [version for page in pages for version in page["LayerVersions"]]
