"""The public way in: load configuration, trace calls."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from os import PathLike, fspath

from attrs import define

from .assemble import assemble
from .branches import MAX_BRANCHES, Branches, branches
from .config.capture import load_capture
from .config.documents import Library
from .demo import capture_paths
from .facts.call import Call
from .mesh import Mesh as CompiledMesh
from .mesh import Pod
from .place import Place
from .report import Report
from .stages import STAGES
from .trace import Trace, trace


@define(eq=False)
class Mesh:
    """What was loaded, ready to answer calls. Made by `load` and `load_demo`."""

    compiled: CompiledMesh

    @property
    def pods(self) -> tuple[Pod, ...]:
        return self.compiled.pods

    def trace(self, call: Call, *, strict: bool = False) -> Trace:
        """Trace one call. InputError when the call itself is unusable; a call that fails is an outcome.

        With `strict` an assumption makes the outcome `unknown`.
        """
        return trace(self.compiled, call, strictly=strict)

    def traces(self, calls: Iterable[Call]) -> Iterator[Trace]:
        """Many calls, in order: outcome, probability and assumptions are made, the rest on access."""
        for call in calls:
            yield trace(self.compiled, call, keep=False)

    def branches(
        self, call: Call, *, by: str | None = None, max_branches: int = MAX_BRANCHES, strict: bool = False
    ) -> Branches:
        """Every course that configuration leaves open, likeliest first, equivalent endpoints merged.

        `by` is subset, endpoint or cluster; what exceeds `max_branches` is counted in `.remainder`.
        """
        return branches(self.compiled, call, by=by, limit=max_branches, strictly=strict)

    def locate(self, place: Place) -> Place:
        """The place with its line number, where the document is text that can be read again."""
        return self.compiled.locate(place)


def load(*paths: str | PathLike[str], istio_iptables: Sequence[str] = ()) -> Mesh:
    """Read configuration of any supported kind, detected by content: `PATH`, `POD=PATH`, folders of captures.

    `istio_iptables` are arguments of istio-iptables, `ARGS` or `POD=ARGS`, for pods without a rules file.
    InputError names the file, the place in it and the remedy.
    """
    library = Library()
    pods = load_capture([fspath(path) for path in paths], library)
    return Mesh(assemble(pods, STAGES, locate=library.locate, istio_iptables=istio_iptables))


def load_demo(outbound_policy: str = "ALLOW_ANY", *, istio_iptables: Sequence[str] = ()) -> Mesh:
    """The embedded demo mesh under ALLOW_ANY or REGISTRY_ONLY."""
    library = Library()
    pods = load_capture([fspath(path) for path in capture_paths(outbound_policy)], library)
    return Mesh(assemble(pods, STAGES, demo=True, locate=library.locate, istio_iptables=istio_iptables))


def _show_traces_in_notebooks() -> None:
    """Where IPython runs, a Trace at the end of a cell shows its answer; anywhere else no renderer is imported."""
    if "IPython" not in sys.modules:
        return
    from .render.notebook import install
    from .render.options import Options

    def shown(trace: Trace) -> tuple[Report, Options]:
        report = trace.report(decisions=True)
        return report, Options(locate=trace.locate, now=None if report.demo else datetime.now(UTC))

    install({Trace: shown, Report: lambda report: (report, Options())})


_show_traces_in_notebooks()
