"""Where inputs and outputs lie, and what machine this is."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import tempfile
from pathlib import Path

PACKAGES = ("torch", "transformers", "tensorflow-cpu", "h5py", "safetensors", "onnxruntime", "ctranslate2", "numpy")


class Places:
    """A folder in memory and one on a disk, removed at the end."""

    def __init__(self, disk: Path) -> None:
        memory = Path("/dev/shm")
        self.in_memory = memory.is_dir() and os.access(memory, os.W_OK)
        parent = memory if self.in_memory else Path(tempfile.gettempdir())
        self.memory = Path(tempfile.mkdtemp(prefix="bertconv-bench-", dir=parent))
        disk.mkdir(parents=True, exist_ok=True)
        self.disk = Path(tempfile.mkdtemp(prefix="bench-", dir=disk))

    def __enter__(self) -> Places:
        return self

    def __exit__(self, *_: object) -> None:
        for folder in (self.memory, self.disk):
            shutil.rmtree(folder, ignore_errors=True)

    def room(self) -> int:
        """Bytes that may still be put into memory: the file system's, and no more than half of what is free."""
        free = shutil.disk_usage(self.memory).free
        if not self.in_memory:
            return free
        available = re.search(r"MemAvailable: +(\d+)", Path("/proc/meminfo").read_text())
        return min(free, int(available.group(1)) * 1024 // 2) if available else free


def machine() -> dict:
    """The processor, the memory, the system and the versions of what is measured."""
    text = Path("/proc/cpuinfo").read_text()
    name = re.search(r"model name\s*: (.*)", text)
    flags = set((re.search(r"flags\s*: (.*)", text) or re.match("()", "")).group(1).split())
    known = ("sse4_2", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "sha_ni", "asimd")
    total = re.search(r"MemTotal: +(\d+)", Path("/proc/meminfo").read_text())
    return {
        "processor": name.group(1).strip() if name else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "flags": [flag for flag in known if flag in flags],
        "memoryBytes": int(total.group(1)) * 1024 if total else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {package: _version(package) for package in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
