"""Asks the real Envoy and keeps what it answered: `python -m tests.truth.record [--ask] [FAMILY …]`."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.realism import prerequisites
from tests.truth import recording
from tests.truth.families import families
from tests.truth.judging import judge
from tests.truth.running import observe
from tests.truth.setting import Setting

MOST_SHOWN = 12


def main() -> int:
    known = families()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(known)}")
    parser.add_argument("--ask", action="store_true", help="compare only, keep nothing")
    parser.add_argument("--setting", default="", help="only settings whose name contains this; implies --ask")
    options = parser.parse_args()
    if prerequisites.missing():
        print(prerequisites.reason(), file=sys.stderr)
        return 2
    wrong = 0
    for family in options.families or known:
        document = {}
        for setting in known[family]():
            if options.setting in setting.name:
                document[setting.name], differing = _asked(setting)
                wrong += differing
        if not (options.ask or options.setting):
            recording.save(family, document)
    return 1 if wrong else 0


def _asked(setting: Setting) -> tuple[dict[str, object], int]:
    observations, not_comparable = observe(setting)
    with tempfile.TemporaryDirectory() as folder:
        mesh = setting.mesh(Path(folder))
        found = [(seen["call"], wrong) for seen in observations if (wrong := judge(mesh, seen, not_comparable))]
    print(f"{setting.name}: {len(observations)} probes, {len(found)} differ")
    for call, wrong in found[:MOST_SHOWN]:
        print(f"  {call}", *wrong, sep="\n    ")
    kept = {"inputs": setting.digest(), "not_comparable": not_comparable, "observations": observations}
    return kept, len(found)


if __name__ == "__main__":
    sys.exit(main())
