"""The places where the local AWS reaches into moto fit the installed moto."""

from __future__ import annotations

import pytest

from ops.local.errors import IncompatibleMotoError
from ops.local.replacements import REPLACEMENTS, Replacement, check


def test_the_installed_moto_fits() -> None:
    check()


@pytest.mark.parametrize("replacement", REPLACEMENTS, ids=lambda r: f"{r.owner.__name__}.{r.name}")
def test_another_signature_is_refused_with_a_sentence(replacement: Replacement) -> None:
    other = Replacement(replacement.owner, replacement.name, ("something", "else"), replacement.by)

    with pytest.raises(IncompatibleMotoError) as caught:
        check((other,))

    assert "does not fit" in caught.value.what
    assert replacement.name in caught.value.why
