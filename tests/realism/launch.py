"""Starts a long-running program inside a namespace so that it cannot outlive the test, under a uid of choice."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tests.realism.namespaces import Namespace

# The binary may lie in a folder its new uid cannot enter, so it is opened first and executed by its descriptor.
# PR_SET_PDEATHSIG (1) with SIGKILL (9) is set last, because a change of uid would clear it.
PROGRAM = """
import ctypes, os, sys
uid, binary = int(sys.argv[1]), os.open(sys.argv[2], os.O_RDONLY)
os.setgroups([])
os.setgid(uid)
os.setuid(uid)
ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
os.execve(binary, sys.argv[2:], {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
"""


def launch(
    namespace: Namespace,
    uid: int,
    binary: Path,
    arguments: Sequence[str],
    *,
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, str(uid), str(binary), *arguments]
    return subprocess.Popen(namespace.command(command), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
