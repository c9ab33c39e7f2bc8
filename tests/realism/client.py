"""The calling side as the harness sees it: one client process a (namespace, uid, gid), asked call by call."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from attrs import define, field

from tests.realism.namespaces import Namespace

PROGRAM = Path(__file__).with_name("client_program.py")


@define
class Clients:
    """All client processes of a stack; closed together."""

    _processes: dict[tuple[str, int, int], "subprocess.Popen[str]"] = field(factory=dict)

    def ask(self, namespace: Namespace, uid: int, gid: int, call: dict[str, Any]) -> dict[str, Any]:
        """Make one call and wait for what the application saw."""
        process = self._process(namespace, uid, gid)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(call) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the client of uid {uid} ended with {process.wait(timeout=5)}")
        seen: dict[str, Any] = json.loads(line)
        return seen

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.communicate(timeout=10)
        self._processes.clear()

    def _process(self, namespace: Namespace, uid: int, gid: int) -> "subprocess.Popen[str]":
        key = (namespace.name, uid, gid)
        if key not in self._processes:
            command = namespace.command([sys.executable, "-I", str(PROGRAM), str(uid), str(gid)])
            self._processes[key] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self._processes[key]
