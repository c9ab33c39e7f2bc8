"""Cluster specifier plugins of routes: an extension names the cluster; the matcher is modelled, the others are opaque.

envoyproxy/envoy source/common/router/config_impl.cc and source/extensions/router/cluster_specifiers/matcher. The
cluster is found when the route is looked up, by the request as it is then; where nothing matches there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ..config.view import TypedConfig, View
from ..errors import Rejected
from ..explanation import Candidate
from ..facts.request import Request
from ..match.tree import MatchTree, Missing
from ..place import Place
from .match_tree import Vocabulary, compile_matcher

_PACKAGE = "envoy.extensions.router.cluster_specifiers."
MATCHER = _PACKAGE + "matcher.v3.MatcherClusterSpecifier"
_ACTION = _PACKAGE + "matcher.v3.ClusterAction"
_OPAQUE = frozenset(
    {
        _PACKAGE + "lua.v3.LuaConfig",
        _PACKAGE + "golang.v3alpha.Config",
        _PACKAGE + "dynamic_modules.v3.DynamicModuleClusterSpecifier",
    }
)
"""Extensions that Envoy or its contrib build has."""
_HTTP = "envoy.type.matcher.v3."
_NETWORK = "envoy.extensions.matching.common_inputs.network.v3."
_CRASHING = frozenset(
    {
        _HTTP + "HttpRequestQueryParamMatchInput",
        *(
            _NETWORK + name
            for name in (
                "DestinationIPInput",
                "DirectSourceIPInput",
                "ServerNameInput",
                "SourceIPInput",
                "SourceTypeInput",
            )
        ),
    }
)
"""Inputs with which Envoy 1.40 loads the matcher and crashes at the first request that is to be routed by it."""
_KEEP_MATCHING = "keep_matching"


@frozen(eq=False)
class ClusterSpecifier:
    name: str
    type_name: str
    place: Place
    tree: MatchTree[Request, str] | None
    """None: nobody knows which cluster it names."""
    crashes_by: str = ""
    """What makes Envoy crash; empty where nothing does."""
    absent: bool = False
    """Optional, and an extension that Envoy has not got: its routes never match."""

    def cluster(self, request: Request) -> str:
        """Empty where nothing matches."""
        found = self.tree.pick(request, _never) if self.tree is not None else None
        return found or ""

    def is_open(self, request: Request) -> bool:
        """Whether a row was asked that only run time can tell."""
        asked: list[object] = []

        def note(row: object) -> bool:
            asked.append(row)
            return False

        if self.tree is not None:
            self.tree.pick(request, note)
        return bool(asked)

    def explain(self, request: Request) -> tuple[Candidate, ...]:
        return self.tree.explain(request, _never)[1] if self.tree is not None else ()


def compile_specifiers(view: View) -> Mapping[str, ClusterSpecifier]:
    """cluster_specifier_plugins of a route configuration; of two with one name the first counts."""
    found: dict[str, ClusterSpecifier] = {}
    for below in view.views("cluster_specifier_plugins"):
        made = _compile(below)
        found.setdefault(made.name, made)
    return found


def specifier_of(action: View, named: Mapping[str, ClusterSpecifier]) -> ClusterSpecifier | None:
    """What a RouteAction states, inline or by name."""
    inline = action.view("inline_cluster_specifier_plugin")
    if inline is not None:
        return _compile(inline)
    name = action.text("cluster_specifier_plugin")
    if name is None:
        return None
    if name not in named:
        place = action.place_of("cluster_specifier_plugin")
        raise _refused(f"Unknown cluster specifier plugin name: {name} is used in the route", place)
    return named[name]


def _compile(view: View) -> ClusterSpecifier:
    entry = view.view("extension")
    if entry is None:
        raise _refused("a cluster specifier plugin needs an extension", view.place)
    name, typed = entry.text("name", ""), entry.extension()
    if not name or typed is None:
        raise _refused("the extension of a cluster specifier plugin needs a name and a typed_config", entry.place)
    if typed.type_name != MATCHER:
        absent = view.boolean("is_optional", False) and typed.type_name not in _OPAQUE
        return ClusterSpecifier(name, typed.type_name, entry.place, None, absent=absent)
    written = typed.view.view("cluster_matcher")
    if written is None:
        raise _refused("MatcherClusterSpecifier needs a cluster_matcher", typed.view.place)
    made = compile_matcher(written, _VOCABULARY)
    unknown = [str(dict(reason.facts)["matcher"]) for reason in made.unmodelled]
    crash = next((each for each in unknown if each in _CRASHING), _KEEP_MATCHING if made.keeps_matching else "")
    tree = None if unknown or crash else made.tree
    return ClusterSpecifier(name, ", ".join(unknown) or MATCHER, entry.place, tree, crash)


def _action(typed: TypedConfig) -> tuple[str, str]:
    if typed.type_name != _ACTION:
        raise _refused(f"an action of a cluster matcher is a {_ACTION}, not a {typed.type_name}", typed.view.place)
    cluster = typed.view.text("cluster", "")
    if not cluster:
        raise _refused("ClusterAction needs a cluster", typed.view.place)
    return cluster, cluster


def _header(view: View) -> tuple[str, Callable[[Request], Any]]:
    """All values in one text; one that run time makes is not known."""
    name = view.text("header_name", "").lower()

    def read(request: Request) -> str | Missing | None:
        values = request.values(name)
        if not values:
            return Missing.UNKNOWN if name in request.headers else None
        return ",".join(values)

    return f"header {name}", read


def _later(view: View) -> tuple[str, Callable[[Request], Any]]:
    """Trailers and responses: none are there when the route is looked up."""
    return f"header {view.text('header_name', '')} of what comes later", lambda _request: Missing.NOT_YET


def _never(_row: object) -> bool:
    return False


def _refused(message: str, place: Place | None) -> Rejected:
    return Rejected("route-refused", message, place=place, hint="mend the plugin; Envoy refuses this configuration too")


_VOCABULARY: Vocabulary[Request, str] = Vocabulary(
    "cluster_action",
    {
        _HTTP + "HttpRequestHeaderMatchInput": _header,
        _HTTP + "HttpRequestTrailerMatchInput": _later,
        _HTTP + "HttpResponseHeaderMatchInput": _later,
        _HTTP + "HttpResponseTrailerMatchInput": _later,
    },
    _action,
)
