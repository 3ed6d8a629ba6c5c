"""Layout of the code: allowed imports between folders, and the size of folders."""

import ast
import collections
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
# From the bottom up. A package may import from its own line and from the lines above it.
LAYERS: Final = (
    ("common", "gen"),
    ("service.operations", "service.search", "workers.runtime"),
    ("workers.index",),
    ("service.media", "service.http"),
    ("service.realtime", "workers"),
    ("service.reference",),
    ("service.routes",),
    ("service",),
    ("tools.failure", "tools.output", "tools.paths", "tools.progress"),
    ("tools.instance", "tools.seed"),
    ("tools.doctor",),
    ("tools",),
    ("development",),
    ("bench",),
    ("tests",),
)
PACKAGES: Final = ("common", "service", "workers", "tools", "development", "bench")
MAX_MODULES: Final = 15
# Modules about one thing in several packages: the instance, as its command and as a check.
SHARED_NAMES: Final = {"__init__.py", "__main__.py", "instance.py"}


def layer_of(module: str) -> int | None:
    """Returns the layer of a module of this project, by its longest matching package."""
    found = [
        (len(package), number)
        for number, packages in enumerate(LAYERS)
        for package in packages
        if module == package or module.startswith(f"{package}.")
    ]
    return max(found)[1] if found else None


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), path


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_never_point_upwards() -> None:
    for module, path in modules():
        own = layer_of(module)
        assert own is not None, module
        for imported in imports(path):
            layer = layer_of(imported)
            assert layer is None or layer <= own, f"{module} imports {imported}"


def test_folders_have_at_most_fifteen_modules() -> None:
    folders = collections.Counter(
        path.parent.relative_to(ROOT)
        for package in (*PACKAGES, "tests", "web")
        for path in (ROOT / package).rglob("*.*")
        if path.suffix in {".js", ".py"} and path.name != "__init__.py"
    )
    large = {str(folder) for folder, count in folders.items() if count > MAX_MODULES}
    assert large == set()


def test_modules_with_one_name_have_one_meaning() -> None:
    names = collections.Counter(path.name for _, path in modules())
    assert {name for name, count in names.items() if count > 1} == SHARED_NAMES
