"""The folders of the package stand above each other: none imports one that imports it.

Modules at the root (api, inspect, errors, ...) are places of their own, so that a cycle through one
of them is found, too. Imports inside functions and for type checkers count like all others.
"""

import ast
from pathlib import Path

import licodec

ROOT = Path(licodec.__file__).parent


def _imported_modules(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def _places(root: Path) -> dict[str, set[str]]:
    """Each folder and module of the package with those that it imports."""
    names = {path.stem for path in root.iterdir() if path.suffix == ".py" or path.is_dir()}
    graph: dict[str, set[str]] = {}
    for path in root.rglob("*.py"):
        place = path.relative_to(root).parts[0].removesuffix(".py")
        parts = (name.split(".") for name in _imported_modules(path.read_text(encoding="utf-8")))
        imported = {p[1] for p in parts if p[0] == root.name and p[1:2] and p[1] in names}
        graph.setdefault(place, set()).update(imported - {place})
    return graph


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def _folders_in_cycles(root: Path) -> set[tuple[str, str]]:
    graph = _places(root)
    below = {place: _reachable(graph, place) for place in graph if (root / place).is_dir()}
    return {(a, b) for a in below for b in below if a < b and b in below[a] and a in below[b]}


def test_no_two_folders_import_each_other():
    assert _folders_in_cycles(ROOT) == set()


def test_a_cycle_through_a_module_at_the_root_is_found(tmp_path):
    root = tmp_path / "package"
    for name, text in (
        ("one/a.py", "def f():\n    from package.middle import g\n"),
        ("middle.py", "import package.two.b\n"),
        ("two/b.py", "from package import one\n"),
        ("three/c.py", "from package.one.a import f\n"),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert _folders_in_cycles(root) == {("one", "two")}
