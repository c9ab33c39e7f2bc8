"""How long a command takes from the shell's point of view, against a Python that does nothing."""

from __future__ import annotations

from .figures import Table
from .timing import best_of_process

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import meshsim": ["-c", "import meshsim"],
    "meshsim --version": ["-m", "meshsim", "--version"],
    "meshsim trace": ["-m", "meshsim", "trace", "--dst", "10.0.0.5:80"],
}


def measure() -> Table:
    times = {name: best_of_process(arguments) for name, arguments in COMMANDS.items()}
    bare = times["python -c pass"]
    return Table(
        "cold start",
        ("command", "ms of processor", "in bare starts"),
        tuple((name, time * 1e3, time / bare) for name, time in times.items()),
        {f"cold start, {name}": time / bare for name, time in times.items() if time != bare},
    )
