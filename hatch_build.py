"""Builds the native library with a wheel or an editable install; without a compiler, a wheel of
Python alone, which runs on torch.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags


class NativeBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles licodec/native/src and puts the library beside it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before anything is packed."""
        compiling = _compiling(Path(self.root))
        target = compiling.FOLDER / compiling.LIBRARY
        try:
            levels = compiling.compile_library(target)
        except compiling.CompileError as error:
            target.unlink(missing_ok=True)  # of an earlier version
            self.app.display_warning(f"licodec without its native library, on torch: {error}")
            return
        self.app.display_info(f"native library for {', '.join(levels)}")
        build_data["artifacts"].append(f"licodec/native/{compiling.LIBRARY}")
        build_data["pure_python"] = False
        # No Python version: the library knows nothing of Python.
        build_data["tag"] = f"py3-none-{_platform()}"


def _compiling(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "compile_native", root / "scripts" / "compile_native.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _platform() -> str:
    """Of a wheel for this machine; which C library it needs is not looked into."""
    names = (tag.platform for tag in sys_tags())
    return next(name for name in names if "manylinux" not in name and "musllinux" not in name)
