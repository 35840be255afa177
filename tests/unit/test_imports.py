"""Imports run one way, and only the renderer knows rich."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Who may import whom: the longest prefix of a module decides.
MAY_IMPORT = {
    "provision": {"provision"},
    "provision.events": set[str](),
    "provision.errors": set[str](),
    "provision.iam_policy": set[str](),
    "provision.names": {"provision.errors"},
    "provision.resources": {
        "provision.aws", "provision.aws_errors", "provision.emptying", "provision.errors",
        "provision.events", "provision.names", "provision.package", "provision.pillow_layer",
        "provision.resource", "provision.resources", "provision.spec",
    },
    "ops": {"ops", "provision"},
    "ops.local": {
        "ops.local", "provision.errors", "provision.iam_policy", "provision.interpreter"
    },
    "function": set[str](),
}  # fmt: skip


def _modules() -> Iterator[tuple[str, Path]]:
    for top in ("provision", "ops", "function"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), path


def _imported(path: Path) -> set[str]:
    names = set()
    folder = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) - node.level + 1] if node.level else ()
            source = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{source}.{alias.name}" for alias in node.names} | {source}
    return names


def _within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


@pytest.mark.parametrize(("module", "path"), list(_modules()), ids=lambda value: str(value))
def test_imports_run_one_way(module: str, path: Path) -> None:
    rule = max((prefix for prefix in MAY_IMPORT if _within(module, prefix)), key=len)
    ours = {n for n in _imported(path) if n.split(".")[0] in {"provision", "ops", "function"}}

    forbidden = {n for n in ours if not any(_within(n, a) for a in MAY_IMPORT[rule])}
    forbidden -= {"provision", "ops"} if rule in {"ops.local", "provision.resources"} else set()

    assert forbidden == set()


def test_only_the_renderer_knows_rich() -> None:
    users = {
        module for module, path in _modules() if any(_within(n, "rich") for n in _imported(path))
    }

    assert users == {"ops.render"}


def test_only_the_local_aws_knows_moto() -> None:
    users = {
        module for module, path in _modules() if any(_within(n, "moto") for n in _imported(path))
    }

    assert users
    assert all(_within(module, "ops.local") for module in users)
