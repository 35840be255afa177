"""The Pillow layer: published when its content changes, known by the digest in its description.

Layer versions cannot be changed nor tagged and their numbers are never used again (L14). Old
ones are deleted by the function once it is on the new one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from provision.aws import Aws
from provision.errors import ForeignResourceError
from provision.names import Names
from provision.package import Package, Target
from provision.resource import Known, State

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
        self._mark = f"pipeline-ctl:{names.pipeline} sha256:"

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
        versions = self._versions()
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
        return {
            "id": newest["LayerVersionArn"],
            "sha256": description.removeprefix(self._mark),
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
        for version in self._versions():
            if version.get("Description", "").startswith(self._mark):
                self._aws.lambda_.delete_layer_version(
                    LayerName=self._names.layer, VersionNumber=version["Version"]
                )

    def _versions(self) -> list[LayerVersionsListItemTypeDef]:
        pages = self._aws.lambda_.get_paginator("list_layer_versions").paginate(
            LayerName=self._names.layer
        )
        return [version for page in pages for version in page["LayerVersions"]]
