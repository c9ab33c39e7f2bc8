"""RouteMatch -> conditions in Envoy's order: fraction, grpc, headers, query, cookies, tls_context, metadata, path.

envoyproxy/envoy source/common/router/config_impl.cc (matchRoute and the matches of each route kind). What is not
modelled becomes a condition nobody can answer, so it is asked about and never silently true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from attrs import define, frozen

from ..config.view import View
from ..facts.connection import Connection
from ..facts.request import Request
from ..match.condition import Condition, unmodelled
from ..match.strings import ascii_lower
from .matchers import compile_cookie_matcher, compile_header_matcher, compile_query_matcher
from .metadata_matchers import compile_filter_state_matcher, compile_metadata_matcher
from .path_rewrites import PathRule
from .paths import without_query
from .regexes import compile_regex
from .runtime import NO_RUNTIME, Runtime, RuntimeFraction, compile_runtime_fraction
from .tunnels import carries_datagrams
from .uri_templates import compile_uri_template

PATH_KINDS = ("prefix", "path", "safe_regex", "path_separated_prefix", "connect_matcher", "path_match_policy")
_FIELDS = frozenset(
    {
        *PATH_KINDS,
        "case_sensitive",
        "runtime_fraction",
        "headers",
        "query_parameters",
        "cookies",
        "grpc",
        "tls_context",
        "dynamic_metadata",
        "filter_state",
    }
)
_CONNECT = ("CONNECT", "CONNECT-UDP")


@define(eq=False)
class RouteFacts:
    """What a route may ask of a request."""

    request: Request
    path: str | None
    """Without the query (and path parameters, where the table says so); None for CONNECT, which has no path."""
    connection: Connection
    runtime: Runtime = NO_RUNTIME
    metadata: Mapping[str, Any] = attrs.field(factory=dict)
    """Dynamic metadata by filter: empty at the first look-up, which comes before every filter."""
    filter_state: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def joins_header_values(self) -> bool:
        """As before Envoy 1.39."""
        return not self.runtime.guard("match_headers_individually")


RouteCondition = Condition[RouteFacts]


@frozen(eq=False)
class CompiledMatch:
    conditions: tuple[RouteCondition, ...]
    rule: PathRule
    fraction: RuntimeFraction | None


def compile_match(view: View) -> CompiledMatch:
    fraction, conditions = _fraction(view)
    if view.has("grpc"):
        conditions.append(Condition("grpc", True, _is_grpc, bool, view.place_of("grpc")))
    conditions += [compile_header_matcher(entry) for entry in view.views("headers")]
    conditions += [compile_query_matcher(entry) for entry in view.views("query_parameters")]
    conditions += [compile_cookie_matcher(entry) for entry in view.views("cookies")]
    conditions += _tls_conditions(view.view("tls_context"))
    conditions += [compile_metadata_matcher(entry) for entry in view.views("dynamic_metadata")]
    conditions += [compile_filter_state_matcher(entry) for entry in view.views("filter_state")]
    conditions += [unmodelled(left, "not modelled", view.place_of(left)) for left in view.leftovers(_FIELDS)]
    rule, path = _path(view)
    return CompiledMatch((*conditions, path), rule, fraction)


def _fraction(view: View) -> tuple[RuntimeFraction | None, list[RouteCondition]]:
    below = view.view("runtime_fraction")
    fraction = compile_runtime_fraction(below) if below is not None else None
    if below is None or fraction is None:
        return None, []
    numerator, denominator = fraction.default

    def read(facts: RouteFacts) -> float:
        return fraction.share(facts.runtime)

    want = f"R % {denominator} < {numerator}"
    return fraction, [Condition("runtime_fraction", want, read, _takes, below.place)]


def _takes(share: float) -> bool | None:
    """Nobody can say for a share between never and always."""
    return None if 0 < share < 1 else share >= 1


def _is_grpc(facts: RouteFacts) -> bool:
    return facts.request.is_grpc()


def _tls_conditions(view: View | None) -> list[RouteCondition]:
    """Plaintext counts as neither presented nor validated; unset fields are not asked."""
    if view is None:
        return []
    conditions: list[RouteCondition] = []
    for field in ("presented", "validated"):
        wanted = view.boolean(field)
        if wanted is not None:
            conditions.append(
                Condition(f"tls_context {field}", wanted, _peer_reader(field), wanted.__eq__, view.place_of(field))
            )
    for field in view.leftovers(frozenset({"presented", "validated"})):
        conditions.append(unmodelled(f"tls_context {field}", "not modelled", view.place_of(field)))
    return conditions


def _peer_reader(field: str) -> Callable[[RouteFacts], bool]:
    def read(facts: RouteFacts) -> bool:
        tls = facts.connection.tls
        return False if tls is None or tls.peer is None else bool(getattr(tls.peer, field))

    return read


def _read_path(facts: RouteFacts) -> str | None:
    return facts.path


def _read_connect(facts: RouteFacts) -> str:
    """An upgrade to CONNECT-UDP keeps the method it has."""
    return _CONNECT[1] if carries_datagrams(facts.request) else facts.request.method


def _path(view: View) -> tuple[PathRule, RouteCondition]:
    kind = view.one_of(PATH_KINDS)
    sensitive = view.boolean("case_sensitive", True)
    if kind == "connect_matcher":
        return PathRule(kind, ""), Condition(
            kind, "method CONNECT", _read_connect, _CONNECT.__contains__, view.place_of(kind)
        )
    if kind == "safe_regex":
        regex = compile_regex(view, kind)
        matches = regex.matches
        return PathRule(kind, regex.pattern, start=regex.literal_start()), Condition(
            kind, regex.pattern, _read_path, lambda path: path is not None and matches(path), view.place_of(kind)
        )
    if kind == "path_match_policy":
        return _path_policy(view)
    if kind is None:
        return PathRule("path_match_policy", ""), unmodelled("path specifier", "not modelled", view.place)
    value = view.text(kind, "")
    condition: RouteCondition = Condition(
        kind, value, _read_path, _text_test(kind, value, sensitive=sensitive), view.place_of(kind)
    )
    return PathRule(kind, value, sensitive), condition


def _path_policy(view: View) -> tuple[PathRule, RouteCondition]:
    """Asks the path as it came: neither case_sensitive nor ignored path parameters concern it."""
    kind = "path_match_policy"
    policy = view.view(kind)
    template = compile_uri_template(policy) if policy is not None else None
    if template is None:
        return PathRule(kind, ""), unmodelled(kind, "not modelled", view.place_of(kind))
    matches = template.matches
    start = template.regex.literal_start().partition(";")[0] if template.regex is not None else ""
    return PathRule(kind, template.pattern, template=template, start=start), Condition(
        kind, template.pattern, _read_raw_path, lambda path: path is not None and matches(path), view.place_of(kind)
    )


def _read_raw_path(facts: RouteFacts) -> str | None:
    return None if facts.path is None else without_query(facts.request.path)


def _text_test(kind: str, value: str, *, sensitive: bool) -> Callable[[Any], bool]:
    if not sensitive:
        inner = _text_test(kind, ascii_lower(value), sensitive=True)
        return lambda path: path is not None and inner(ascii_lower(path))
    if kind == "path":
        return lambda path: path == value
    if kind == "prefix":
        return lambda path: path is not None and path.startswith(value)
    length = len(value)
    return lambda path: path is not None and path.startswith(value) and (len(path) == length or path[length] == "/")
