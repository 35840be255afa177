"""A newer program upgrades an older pipeline; an older one does not touch a newer."""

from __future__ import annotations

import pytest

from provision import engine
from provision.errors import NewerPipelineError
from provision.names import VERSION_TAG
from provision.pipeline import Pipeline, program_version, recorded_settings


def _made_by(pipeline: Pipeline, version: str) -> None:
    pipeline.aws.lambda_.tag_resource(
        Resource=pipeline.names.function_arn, Tags={VERSION_TAG: version}
    )


def test_up_upgrades_a_pipeline_of_an_earlier_version(standing: Pipeline) -> None:
    _made_by(standing, "0.0.1")

    plan = engine.plan(standing.aws, standing.resources())
    engine.up(standing.aws, standing.resources())

    tags = standing.aws.lambda_.list_tags(Resource=standing.names.function_arn)["Tags"]
    assert [c.resource for c in plan.changes.values() if c.action != "keep"] == ["function"]
    assert tags[VERSION_TAG] == program_version()


def test_a_pipeline_of_a_later_version_is_refused(standing: Pipeline) -> None:
    _made_by(standing, "99.1")

    with pytest.raises(NewerPipelineError, match=r"99\.1") as refused:
        recorded_settings(standing.aws, standing.names.pipeline)

    assert "Upgrade" in refused.value.fix
    _made_by(standing, program_version())
