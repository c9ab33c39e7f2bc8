"""Build the wheel, install it in a virtual environment of its own, and use it with the source out of reach."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        run(sys.executable, "-m", "build", "--wheel", "--outdir", str(here / "dist"), str(ROOT))
        (wheel,) = (here / "dist").glob("*.whl")
        venv.create(here / "venv", with_pip=True)
        python = str(here / "venv" / "bin" / "python")
        run(python, "-m", "pip", "--disable-pip-version-check", "-q", "install", str(wheel))
        meshsim = str(here / "venv" / "bin" / "meshsim")
        answer = run(meshsim, "trace", "--dst", "10.0.0.5:80", "-o", "json", cwd=here)
        document = json.loads(answer)
        where = run(python, "-c", "import meshsim; print(meshsim.__file__)", cwd=here).strip()
        typed = (Path(where).parent / "py.typed").exists()
        source_used = Path(where).is_relative_to(ROOT)
        if document["outcome"]["kind"] != "forwarded" or not typed or source_used:
            print(f"the wheel is not right: {document['outcome']}, typed {typed}, source used {source_used}")
            return 1
        version = run(meshsim, "--version", cwd=here).strip()
    print(f"wheel: {wheel.name} works without the source ({version})")
    return 0


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
