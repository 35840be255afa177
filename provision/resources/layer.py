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
    """The newest version of the layer."""

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
        newest = max(versions, key=lambda version: version["Version"])
        description = newest.get("Description", "")
        if not description.startswith(self._mark):
            raise ForeignResourceError(
                f"The Lambda layer {self._names.layer} exists and was not made by this pipeline.",
                why="The description of its newest version is not ours.",
                fix="Choose another --name.",
            )
        digest = description.removeprefix(self._mark)
        return {
            "id": newest["LayerVersionArn"],
            "published": {digest: newest["LayerVersionArn"]},
            "sha256": digest,
            "runtimes": sorted(newest.get("CompatibleRuntimes", [])),
            "architectures": sorted(newest.get("CompatibleArchitectures", [])),
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
        delete_layer_versions(self._aws, self._names, our_layer_versions(self._aws, self._names))


def layer_arn(known: Known) -> str:
    """Return the ARN of the wanted content's version, or KNOWN_AFTER_APPLY until it is there."""
    layer = known.get(Layer.name, {})
    return str(layer.get("published", {}).get(layer.get("sha256"), KNOWN_AFTER_APPLY))


def our_layer_versions(aws: Aws, names: Names) -> list[int]:
    """Return the numbers of all versions that this pipeline published, oldest first."""
    versions = _versions(aws, names)
    ours = (v["Version"] for v in versions if v.get("Description", "").startswith(_mark(names)))
    return sorted(ours)


def delete_layer_versions(aws: Aws, names: Names, versions: Sequence[int]) -> None:
    """Delete versions; one that is absent is no error (L14)."""
    for version in versions:
        aws.lambda_.delete_layer_version(LayerName=names.layer, VersionNumber=version)


def _mark(names: Names) -> str:
    return f"pipeline-ctl:{names.pipeline} sha256:"


def _versions(aws: Aws, names: Names) -> list[LayerVersionsListItemTypeDef]:
    pages = aws.lambda_.get_paginator("list_layer_versions").paginate(LayerName=names.layer)
    return [version for page in pages for version in page["LayerVersions"]]
