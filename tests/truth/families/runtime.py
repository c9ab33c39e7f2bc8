"""Runtime values of the bootstrap: every guard that is followed turned off, fractions and weights by their keys."""

from collections.abc import Iterator
from typing import Any

from tests.realism.upstreams import Upstream
from tests.truth.families import _shapes
from tests.truth.setting import POD_ADDRESS, Setting

GUARDS = (
    "match_headers_individually",
    "rbac_match_headers_individually",
    "strip_path_parameters_per_segment",
    "http_reject_path_with_fragment",
    "rbac_respect_ignore_path_parameters",
    "enable_new_query_param_present_match_behavior",
    "strip_dotdot_segments_with_parameters",
)
PORT = 20000
ANY = [{"any": True}]


def settings() -> Iterator[Setting]:
    layers: dict[str, dict[str, Any]] = {"all guards on": {}}
    layers |= {f"{guard} off": {f"envoy.reloadable_features.{guard}": False} for guard in GUARDS}
    layers["values"] = {
        "some.share": 100,
        "other": {"share": {"numerator": 1_000_000, "denominator": "MILLION"}, "never": "0"},
        "weights": {"one": 0, "two": "3.5"},
        "text": "100",
        "flag": True,
    }
    for name, layer in layers.items():
        clusters = [_shapes.static_cluster(each, f"10.94.0.{at}", 9000) for at, each in enumerate(("one", "two"), 1)]
        yield Setting(
            name=name,
            dump=_shapes.dump([_listener()], clusters, layer),
            calls=list(_calls(fragments="fragment" in name)),
            world=[Upstream("0.0.0.0:9000", "http", name="app")],
            marks=("runtime",),
        )


def _header(path: str, **test: Any) -> dict[str, Any]:
    return _answers(301 + len(path), {"prefix": path, "headers": [{"name": "x", **test}]})


def _answers(number: int, match: dict[str, Any]) -> dict[str, Any]:
    """A body of its own for each route."""
    return {"name": f"route-{number}", "match": match, "direct_response": {"status": 200, "body": _text(number)}}


def _text(number: int) -> dict[str, str]:
    return {"inline_string": str(number)}


def _fraction(path: str, key: str, default: int) -> dict[str, Any]:
    share = {"runtime_key": key, "default_value": {"numerator": default}}
    return _answers(100 + len(path + key), {"prefix": path, "runtime_fraction": share})


def _listener() -> dict[str, Any]:
    weighted = {
        "runtime_key_prefix": "weights",
        "clusters": [{"name": "one", "weight": 1}, {"name": "two", "weight": 1}],
    }
    routes = [
        _header("/joined", string_match={"exact": "a,b"}),
        _header("/one", string_match={"exact": "a"}),
        _header("/not-one", string_match={"exact": "a"}, invert_match=True),
        _header("/number", range_match={"start": 1, "end": 5}),
        _answers(1, {"path": "/p/a/b"}),
        _answers(2, {"path": "/p/a"}),
        _fraction("/share", "some.share", 0),
        _fraction("/nested", "other.share", 0),
        _fraction("/off", "other.never", 100),
        _fraction("/text", "text", 0),
        _fraction("/flag", "flag", 0),
        _fraction("/unset", "no.such", 100),
        {"name": "weighted", "match": {"prefix": "/weighted"}, "route": {"weighted_clusters": weighted}},
        _answers(4, {"prefix": "/query", "query_parameters": [{"name": "a", "present_match": False}]}),
        _answers(5, {"path": "/q"}),
        _answers(6, {"prefix": "/p/.."}),
        _answers(3, {"prefix": "/"}),
    ]
    policies = {
        "joined": {"permissions": [{"header": {"name": "y", "string_match": {"exact": "a,b"}}}], "principals": ANY},
        "path": {
            "permissions": [{"url_path": {"path": {"exact": "/p/a/b"}}}],
            "principals": [{"header": {"name": "z", "present_match": True}}],
        },
    }
    rbac = _shapes.filter_of("http", "rbac.v3.RBAC", rules={"action": "DENY", "policies": policies})
    table = {"ignore_path_parameters_in_path_matching": True}
    chain = {"filters": [_shapes.manager(routes, [rbac], table, normalize_path=True)]}
    return {"name": "drawn", "address": _shapes.address("0.0.0.0", PORT), "filter_chains": [chain]}


def _calls(*, fragments: bool) -> Iterator[dict[str, Any]]:
    """A fragment is asked for where it is not refused; what a refusal is like belongs to another family."""
    paths: tuple[str, ...] = ("/joined", "/one", "/not-one", "/number", "/", "/p/a;x/b", "/p/a;x=1", "/p/a/b;")
    paths += ("/query", "/query?a", "/query?b=a", "/p/..;x/q", "/p/..;", "/p/.;x/a", "/p/%2e%2e;x/q", "/p/...;x/q")
    paths += ("/p/a/b#c", "/#/one") if fragments else ()
    headers: tuple[dict[str, Any], ...] = (
        {},
        {"x": ["a", "b"]},
        {"x": "a,b"},
        {"x": ["9", "3"]},
        {"y": ["a", "b"]},
        {"y": "a,b"},
        {"z": "1"},
    )
    keyed = ("/share", "/nested", "/off", "/text", "/flag", "/unset", "/weighted", "/weighted/x")
    for path in (*paths, *keyed):
        for sent in headers if path not in keyed else headers[:1]:
            yield {"from": "outside", "destination": f"{POD_ADDRESS}:{PORT}", "path": path, "headers": sent}
