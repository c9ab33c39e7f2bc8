"""forward_client_cert_matcher: what it can ask, what its actions do, and what happens where nothing matches."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families import _shapes
from tests.truth.families._managers import TYPES, UPSTREAM, call, chain, cluster, dump, listener, manager
from tests.truth.families.client_certificates import CERTIFICATES, FIRST_PORT, NAMES, SECRETS, tls_socket
from tests.truth.setting import Setting

Fields = dict[str, Any]
ENVOY = "type.googleapis.com/envoy"
NETWORK = f"{ENVOY}.extensions.matching.common_inputs.network.v3"
SSL = f"{ENVOY}.extensions.matching.common_inputs.ssl.v3"
ACTION = f"{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager.ForwardClientCertConfig"
STATE = {
    "name": "writes",
    "typed_config": {
        "@type": f"{TYPES}.filters.network.set_filter_state.v3.Config",
        "on_new_connection": [
            {
                "object_key": "k",
                "factory_key": "envoy.string",
                "format_string": {"text_format_source": {"inline_string": "yes"}},
            }
        ],
    },
}
OLD = (None, "By=x;Hash=y", ["By=1", "By=2"])


def _does(mode: str = "SANITIZE", details: Mapping[str, Any] | None = None, **more: Any) -> Fields:
    config: Fields = {"@type": ACTION, "forward_client_cert_details": mode}
    if details is not None:
        config["set_current_client_cert_details"] = dict(details)
    return {"action": {"name": mode, "typed_config": config}, **more}


def _input(kind: str, **fields: Any) -> Fields:
    return {"name": kind, "typed_config": {"@type": kind, **fields}}


def _http(kind: str, **fields: Any) -> Fields:
    return _input(f"{ENVOY}.type.matcher.v3.Http{kind}MatchInput", **fields)


def _header(name: str) -> Fields:
    return _http("RequestHeader", header_name=name)


def _rows(*rows: tuple[Fields, Fields, Fields], **more: Any) -> Fields:
    """(input, test of its value, what follows)."""
    made = [
        {"predicate": {"single_predicate": {"input": asked, "value_match": value}}, "on_match": then}
        for asked, value, then in rows
    ]
    return {"matcher_list": {"matchers": made}, **more}


def _kept(asked: Fields, **value: Any) -> Fields:
    return _rows((asked, value, KEEP), on_no_match=SET)


def _some(asked: Fields) -> Fields:
    return _kept(asked, safe_regex={"google_re2": {}, "regex": ".+"})


KEEP = _does("ALWAYS_FORWARD_ONLY")
SET = _does("SANITIZE_SET", NAMES)
LATER = [_http(f"{side}", header_name="a") for side in ("RequestTrailer", "ResponseHeader", "ResponseTrailer")]
LATER += [_http(f"Response{what}") for what in ("StatusCode", "StatusCodeClass", "LocalReply")]
MODES = ("SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY")
BY_HEADER = {"matcher_tree": {"input": _header("x-a"), "exact_match_map": {"map": {m: _does(m, NAMES) for m in MODES}}}}
REMOTE = {"use_remote_address": True, "xff_num_trusted_hops": 1}
MATCHERS: tuple[tuple[Fields, Fields], ...] = (
    (BY_HEADER, {}),
    (BY_HEADER, {"forward_client_cert_details": "APPEND_FORWARD", "set_current_client_cert_details": {"uri": True}}),
    ({"on_no_match": _does("APPEND_FORWARD", {"format": "JSON", "uri": True})}, {}),
    ({"on_no_match": _does("SANITIZE_SET")}, {"set_current_client_cert_details": NAMES}),
    ({}, {"forward_client_cert_details": "FORWARD_ONLY"}),
    *((_kept(_input(f"{SSL}.{name}Input"), contains="a"), {}) for name in ("UriSan", "DnsSan", "Subject")),
    (_kept(_input(f"{NETWORK}.ServerNameInput"), exact="a.test"), {}),
    (_kept(_input(f"{NETWORK}.SourceIPInput"), prefix="10.93."), REMOTE),
    (_kept(_input(f"{NETWORK}.DirectSourceIPInput"), prefix="10.93."), REMOTE),
    (_kept(_input(f"{NETWORK}.SourceTypeInput"), exact="local"), {}),
    (_kept(_input(f"{NETWORK}.FilterStateInput", key="k"), exact="yes"), {}),
    (_kept(_input(f"{NETWORK}.DynamicMetadataInput", filter="k", path=[{"key": "a"}]), exact="yes"), {}),
    (_kept(_http("RequestQueryParam", query_param="a"), exact="b c"), {}),
    (_kept(_header(":path"), exact="/x"), {"normalize_path": True}),
    (_kept(_header(":authority"), exact="a.test"), {"strip_any_host_port": True}),
    (_kept(_header(":method"), exact="POST"), {}),
    (_kept(_header(":scheme"), exact="https"), {}),
    (_kept(_header("x-forwarded-for"), suffix=",10.93.0.1"), REMOTE),
    (_kept(_header("x-forwarded-proto"), exact="https"), {}),
    (_some(_header("x-envoy-external-address")), REMOTE),
    (_kept(_header("x-envoy-internal"), exact="true"), REMOTE),
    (_some(_header("x-envoy-retry-on")), REMOTE),
    (_kept(_header("via"), exact="v"), {"via": "v"}),
    (_kept(_header("x-forwarded-client-cert"), exact="By=1,By=2"), {}),
    (_some(_header("connection")), {}),
    (_rows(*((asked, {"contains": "e"}, KEEP) for asked in LATER), on_no_match=KEEP), {}),
    *((_rows((asked, {"exact": "x"}, SET), (_header("x-a"), {"contains": "E"}, KEEP)), {}) for asked in LATER[:3]),
    (_rows((_header("x-a"), {"exact": "SANITIZE"}, SET | {"keep_matching": True}), on_no_match=KEEP), {}),
    (_rows((_header("x-a"), {"exact": "none"}, SET | {"keep_matching": True})), {"forward_client_cert_details": 4}),
)


def settings() -> Iterator[Setting]:
    listeners, calls = [], []
    draw = random.Random("client certificate matchers")
    for port, (tree, options) in enumerate(MATCHERS, FIRST_PORT):
        made = manager(forward_client_cert_matcher=tree, delayed_close_timeout="0.05s", **options)
        entry = listener(port, made)
        secure = {**chain(made), "filter_chain_match": {"transport_protocol": "tls"}, "transport_socket": tls_socket()}
        entry["listener_filters"] = [_shapes.filter_of("listener", "tls_inspector.v3.TlsInspector")]
        entry["filter_chains"] = [{**each, "filters": [STATE, *each["filters"]]} for each in (secure, chain(made))]
        listeners.append(entry)
        for certificate in (*CERTIFICATES[:4], CERTIFICATES[5]):
            alpn = draw.choice(("h2", "http/1.1"))
            tls = {"sni": "a.test", "alpn": [alpn], "client_certificate": certificate}
            calls.append(_call(draw, port) | {"tls": tls, "protocol": "http2" if alpn == "h2" else "http"})
        calls += [_call(draw, port) for _ in range(3)]
    whole = dump(listeners, [cluster("up")])
    yield Setting(
        name="client certificate matchers",
        dump={"configs": [*whole["configs"], SECRETS]},
        calls=calls,
        configurations=len(listeners),
        world=[UPSTREAM],
    )


def _call(draw: random.Random, port: int) -> Fields:
    headers: Fields = {"x-forwarded-client-cert": draw.choice(OLD), "x-a": draw.choice((*MODES, "none"))}
    headers["x-forwarded-for"] = draw.choice((None, None, "9.9.9.9", "10.1.1.1, 8.8.8.8"))
    headers["x-envoy-retry-on"] = draw.choice((None, "5xx"))
    stated = {name: value for name, value in headers.items() if value is not None}
    path = draw.choice(("/", "/y/../x", "/?a=b%20c", "/?a=1&a=b%20c", "/x"))
    authority = draw.choice(("a.test", "a.test:80"))
    return call(port, headers=stated, path=path, authority=authority, method=draw.choice(("GET", "POST")))
