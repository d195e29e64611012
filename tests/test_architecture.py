"""The layers: data flows one way, and each foreign library has one home."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("engine", "streams", "handlers", "face", "server", "cli")
"""A layer imports what stands to its left, and itself."""

FOLDERS = {
    "engine": ROOT / "engine",
    "streams": ROOT / "streams",
    "handlers": ROOT / "handlers",
    "server": ROOT / "src" / "pelton" / "server",
    "cli": ROOT / "src" / "pelton" / "cli",
}
FACE = ROOT / "src" / "pelton"

HOMES = {
    "apsw": {
        "engine/storage/sqlite.py",
        "engine/storage/rows.py",
        "engine/storage/checkpoints.py",
    },
    "apscheduler": {"handlers/fire_times.py"},
    "watchfiles": {"src/pelton/cli/dev.py"},
    "uvicorn": {"src/pelton/server"},
    "fastapi": {"src/pelton/server"},
    "boto3": {"handlers/destinations"},
    "botocore": {"handlers/destinations"},
    "typer": {"src/pelton/cli"},
    "rich": {"src/pelton/cli"},
    "opentelemetry": {"src/pelton/telemetry.py"},
}


def layer_of(path: Path) -> str:
    for layer, folder in FOLDERS.items():
        if path.is_relative_to(folder):
            return layer
    return "face"


def sources() -> list[Path]:
    found = [path for folder in FOLDERS.values() for path in folder.rglob("*.py")]
    return sorted({*found, *FACE.glob("*.py")})


def module_name(path: Path) -> str:
    base = ROOT / "src" if path.is_relative_to(ROOT / "src") else ROOT
    parts = path.relative_to(base).with_suffix("").parts
    name = ".".join(parts).removesuffix(".__init__")
    return name if name.startswith("pelton") else f"pelton.{name}"


def imported_modules(path: Path) -> Iterator[str]:
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def layer_of_module(name: str) -> str | None:
    parts = name.split(".")
    if parts[0] != "pelton" or len(parts) < 2:
        return None
    return parts[1] if parts[1] in LAYERS else "face"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_layer_imports_only_what_stands_to_its_left(path: Path) -> None:
    own = LAYERS.index(layer_of(path))
    for name in imported_modules(path):
        layer = layer_of_module(name)
        if layer is not None:
            assert LAYERS.index(layer) <= own, f"{path} imports {name}"


def test_the_layers_are_all_there() -> None:
    layers = {layer_of(path) for path in sources()}
    assert layers == set(LAYERS)


@pytest.mark.parametrize("library", HOMES)
def test_a_foreign_library_has_one_home(library: str) -> None:
    homes = HOMES[library]
    for path in sources():
        if library in {name.split(".")[0] for name in imported_modules(path)}:
            place = str(path.relative_to(ROOT))
            assert any(place.startswith(home) for home in homes), f"{place} imports {library}"


def test_the_folders_are_linked_into_the_package() -> None:
    for name in ("engine", "streams", "handlers"):
        link = FACE / name
        assert link.is_symlink()
        assert link.resolve() == ROOT / name
