"""The embedded demo mesh: where its files lie.

The files are the mesh (captured pods, in the shapes people really copy out of a pod) and are read by the same code
as anybody's. Nothing that reads, interprets or decides may enter here, and no fact about the mesh: those live
in the files.
"""

from pathlib import Path

CAPTURE = "capture"
"""One subfolder a pod, with that pod's files; outbound policy ALLOW_ANY."""

OVERLAYS = {"ALLOW_ANY": (), "REGISTRY_ONLY": ("registry-only",)}
"""Outbound policy -> folders whose resources replace those of the capture, kind by kind and name by name."""


def capture_paths(outbound_policy: str = "ALLOW_ANY") -> tuple[Path, ...]:
    """The folders to load, in order: a later folder's resource replaces an earlier one of the same kind and name."""
    root = Path(__file__).parent
    return tuple(root / folder for folder in (CAPTURE, *OVERLAYS[outbound_policy]))
