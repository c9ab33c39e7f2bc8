"""One Envoy process inside a namespace, under the sidecar's uid and gid, from start-up until its block ends."""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.realism.launch import launch
from tests.realism.namespaces import Namespace
from tests.realism.prerequisites import envoy_binary

PROXY_UID = 1337
START_SECONDS = 60.0
FLUSH_MILLISECONDS = "20"


@frozen
class Envoy:
    """A running Envoy and the files it writes."""

    process: "subprocess.Popen[bytes]"
    log_path: Path
    messages_path: Path


@contextlib.contextmanager
def running(namespace: Namespace, bootstrap: dict[str, Any], folder: Path, log_path: Path) -> Iterator[Envoy]:
    """Start Envoy, wait until it serves, stop it."""
    binary = envoy_binary()
    if binary is None:
        raise RuntimeError("no Envoy to run")
    config, messages = folder / "bootstrap.json", folder / "envoy.txt"
    config.write_text(json.dumps(bootstrap))
    log_path.touch()
    os.chown(log_path, PROXY_UID, PROXY_UID)
    for path in (folder, *folder.parents[:1]):
        path.chmod(0o755)
    options = ["-c", str(config), "--use-dynamic-base-id", "--disable-hot-restart", "--concurrency", "1"]
    options += ["--file-flush-interval-msec", FLUSH_MILLISECONDS, "--file-flush-min-size-kb", "1", "-l", "info"]
    with messages.open("wb") as output:
        process = launch(namespace, PROXY_UID, binary, options, stdout=output, stderr=output)
    try:
        _await_start(process, messages)
        yield Envoy(process, log_path, messages)
    finally:
        process.kill()
        process.wait(timeout=20)


def _await_start(process: "subprocess.Popen[bytes]", messages: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        text = messages.read_text(errors="replace")
        if "starting workers" in text:
            return
        if process.poll() is not None:
            raise RuntimeError(f"Envoy ended with {process.returncode}: {text[-3000:]}")
        time.sleep(0.05)
    raise RuntimeError(f"Envoy did not start within {START_SECONDS} seconds")
