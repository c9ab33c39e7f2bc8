"""What becomes of every field that published configurations hold: `python -m tests.corpus [--all] [PATH …]`.

Everything in the files is compiled while each read of a field is noted. A field is *modelled* (read), *harmless* (known
to decide nothing a trace says), *reported* (named on the path it touches) or *unread*: below something that is not
compiled, such as an extension of unknown effect, which is itself reported.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from tabulate import tabulate

import meshsim
from meshsim.config import protojson
from meshsim.config.view import View
from meshsim.envoy.http_filters import HARMLESS as HARMLESS_TYPES
from meshsim.envoy.network_filters.hcm import HttpConnectionManager
from meshsim.envoy.proxy import Proxy

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MODELLED, HARMLESS, REPORTED, UNREAD = "modelled", "harmless", "reported", "unread"
ORDER = (REPORTED, MODELLED, HARMLESS, UNREAD)
"""Of the fates a field met, the one that is told."""
NESTED_LIMIT = 60
_ELSEWHERE = """
    access_log alt_stat_name config_source custom_tags decorator eds_config filter_metadata filters
    initial_fetch_timeout
    log_format metadata name per_connection_buffer_limit_bytes resource_api_version sds_config services stat_prefix
    tcp_backlog_size tracing track_remaining transport_api_version type_url vm_config
"""
ELSEWHERE = frozenset(_ELSEWHERE.split())
"""How configuration arrives, what is logged, counted and traced: no trace hangs on it."""

Field = tuple[str, str]
"""Type URL of the nearest Any around it, and the path of names below that."""


class Ledger:
    """Which fields of which objects were read or named."""

    def __init__(self) -> None:
        self.read: dict[int, set[str]] = {}
        self.named: dict[int, set[str]] = {}
        self.known: dict[int, frozenset[str]] = {}
        self.kept: list[Any] = []
        """Objects made on the way stay alive, so that no two share an identity."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        raw, leftovers = View.raw, View.leftovers

        def noted_raw(view: View, key: str) -> Any:
            self.kept.append(view.data)
            self.read.setdefault(id(view.data), set()).add(key)
            return raw(view, key)

        def noted_leftovers(view: View, known: frozenset[str]) -> tuple[str, ...]:
            found = leftovers(view, known)
            self.kept.append(view.data)
            self.named.setdefault(id(view.data), set()).update(found)
            self.known[id(view.data)] = self.known.get(id(view.data), frozenset()) | known
            return found

        View.raw, View.leftovers = noted_raw, noted_leftovers  # type: ignore[method-assign]
        try:
            yield
        finally:
            View.raw, View.leftovers = raw, leftovers  # type: ignore[method-assign]

    def fate(self, holder: int, name: str) -> str:
        if name in self.named.get(holder, ()):
            return REPORTED
        if name in self.read.get(holder, ()):
            return MODELLED
        return HARMLESS if name in self.known.get(holder, ()) else UNREAD


def compile_everything(proxy: Proxy) -> None:
    """What is refused is Envoy's to refuse: the rest is compiled all the same."""
    document = proxy.document
    asks: list[Callable[[], Any]] = [lambda: proxy.listeners]
    asks += [partial(proxy.route_table, name) for name in document.route_configs]
    asks += [partial(proxy.cluster, name) for name in document.clusters]
    asks += [partial(proxy.assignment, name) for name in (*document.clusters, *document.endpoints)]
    held = []
    for ask in asks:
        with suppress(meshsim.MeshsimError):
            held.append(ask())
    touch(held, proxy)


def touch(held: Any, proxy: Proxy) -> None:
    """Asks every compiled object for all it compiles lazily."""
    seen: set[int] = set()
    waiting = [held]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, Mapping):
            waiting += each.values()
        elif isinstance(each, list | tuple | frozenset | set):
            waiting += each
        elif type(each).__module__.startswith("meshsim.envoy.") and not isinstance(each, Proxy):
            if isinstance(each, HttpConnectionManager):
                with suppress(meshsim.MeshsimError):
                    waiting.append(each.table(proxy))
            names = {name for kind in type(each).__mro__ for name in (*vars(kind), *getattr(kind, "__slots__", ()))}
            for name in names:
                if not name.startswith("__") and not callable(getattr(type(each), name, None)):
                    with suppress(AttributeError, meshsim.MeshsimError):
                        waiting.append(getattr(each, name))


def resources(proxy: Proxy) -> Iterator[tuple[str, View]]:
    kinds = {"Listener": proxy.document.listeners, "RouteConfiguration": proxy.document.route_configs}
    for kind, held in (kinds | {"Cluster": proxy.document.clusters}).items():
        yield from ((kind, each.view) for each in held.values() if each.view is not None)


def tally(paths: Iterable[Path]) -> dict[Field, Counter[str]]:
    """Field -> how often it came to which fate; files that are refused are left out."""
    found: dict[Field, Counter[str]] = {}
    for path in paths:
        ledger = Ledger()
        with ledger.watching():
            try:
                proxies = [pod.proxy for pod in meshsim.load(path).pods if pod.proxy is not None]
            except meshsim.MeshsimError:
                continue
            for proxy in proxies:
                compile_everything(proxy)
        for proxy in proxies:
            for kind, view in resources(proxy):
                _walk(view.data, kind, "", ledger, found, None, 0)
    return found


def _walk(
    data: Any, kind: str, path: str, ledger: Ledger, found: dict[Field, Counter[str]], above: str | None, depth: int
) -> None:
    if isinstance(data, list):
        for each in data:
            _walk(each, kind, path, ledger, found, above, depth)
        return
    if not isinstance(data, dict) or depth > NESTED_LIMIT:
        return
    if "@type" in data:
        kind, path = str(data["@type"]).rpartition("/")[2], ""
    for key, value in data.items():
        if key == "@type" or value is None or value in ([], {}):
            continue
        name = protojson.snake(key)
        fate = above or ledger.fate(id(data), name)
        if fate == UNREAD and (name in ELSEWHERE or kind in HARMLESS_TYPES):
            fate = HARMLESS
        where = f"{path}.{name}" if path else name
        found.setdefault((kind, where), Counter())[fate] += 1
        # what a message holds shares its fate, unless somebody looked into it
        below = fate if fate in (HARMLESS, REPORTED) else None
        _walk(value, kind, where, ledger, found, below, depth + 1)


def table(found: dict[Field, Counter[str]], *, every: bool) -> str:
    rows = []
    for (kind, where), fates in sorted(found.items()):
        fate = next(each for each in ORDER if fates[each])
        if every or fate not in (MODELLED, HARMLESS):
            rows.append((kind, where, fate, sum(fates.values())))
    return tabulate(rows, ("message", "field", "fate", "times"))


def summary(found: dict[Field, Counter[str]]) -> str:
    fields = Counter(next(each for each in ORDER if fates[each]) for fates in found.values())
    times: Counter[str] = sum(found.values(), Counter())
    return tabulate(
        [(fate, fields[fate], times[fate]) for fate in (MODELLED, HARMLESS, REPORTED, UNREAD)],
        ("fate", "fields", "times"),
    )


def corpus() -> list[Path]:
    return sorted(path for path in DATA.rglob("*") if path.suffix in (".json", ".yaml", ".yml") and path.is_file())


def main() -> int:
    parser = argparse.ArgumentParser(description="What becomes of every field that published configurations hold.")
    parser.add_argument("paths", nargs="*", type=Path, help="the published ones beside the project")
    parser.add_argument("--all", action="store_true", help="modelled and harmless fields too")
    options = parser.parse_args()
    found = tally(options.paths or corpus())
    print(table(found, every=options.all), summary(found), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
