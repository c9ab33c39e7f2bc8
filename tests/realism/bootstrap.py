"""The one conversion between a config dump and an Envoy that runs it: dump in, static bootstrap out. Pure.

What it changes, and why: discovery is inlined (routes into their connection manager, endpoints into their
cluster), because there is no control plane; secrets become test certificates; filters that exist only in
Istio's build of Envoy are removed, the effect of istio.alpn being written into the clusters' ALPN lists; names
are resolved beforehand; every place that can log logs one schema; an upstream connection carries one request,
so that connections tell calls apart; tracing, stats sinks and outlier ejection go. `Conversion.not_comparable`
names the trace fields these changes touch.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from tests.realism import access_log, dump_sections

ALPN_OVERRIDE = {False: ["istio-http/1.1", "istio", "http/1.1"], True: ["istio-h2", "istio", "h2"]}
"""What istio.alpn offers an upstream, by whether HTTP/2 is spoken to it. Calls come in as HTTP/1.1."""
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
ISTIO_TYPES = (
    "istio.",
    "io.istio.",
    "stats.PluginConfig",
    "envoy.tcp.metadataexchange.",
    "envoy.extensions.filters.http.wasm.",
    "envoy.extensions.filters.network.wasm.",
)
NODE = ("id", "cluster", "metadata", "locality")
TOUCHED_ALWAYS = (
    "config_version",
    "resolution",
    "hops[].config_version",
    "hops[].origin",
    "hops[].filters_not_reached",
    "hops[].downstream.tls.peer.uri_sans",
    "hops[].upstream.headers.x-forwarded-client-cert",
    "hops[].upstream.headers.x-envoy-peer-metadata",
    "hops[].upstream.headers.x-envoy-peer-metadata-id",
)


@frozen
class Identity:
    """Test certificates as PEM text: what the proxy presents and what it trusts."""

    certificate: str
    key: str
    root: str


@define
class Conversion:
    """A runnable bootstrap and what may not be compared because of it."""

    bootstrap: dict[str, Any]
    not_comparable: list[str] = field(factory=lambda: list(TOUCHED_ALWAYS))


def convert(
    dump: Mapping[str, Any],
    *,
    identity: Identity,
    log_path: str,
    names: Mapping[str, Sequence[str]] | None = None,
    others: Mapping[str, Identity] | None = None,
) -> Conversion:
    """Turn `/config_dump?include_eds` into a static bootstrap; `others` are secrets with certificates of their own."""
    sections = [dump_sections.current(section) for section in dump["configs"]]
    source = dump_sections.section_of(sections, "BootstrapConfigDump").get("bootstrap", {})
    conversion = Conversion(
        {
            "node": {"id": "proxy", "cluster": "proxy"}
            | {k: v for k, v in source.get("node", {}).items() if k in NODE},
            "admin": {"address": source.get("admin", {}).get("address", _address("127.0.0.1", 15000))},
            "static_resources": {},
        }
    )
    layers = [layer for layer in source.get("layered_runtime", {}).get("layers", []) if "rtds_layer" not in layer]
    if layers:
        conversion.bootstrap["layered_runtime"] = {"layers": layers}
    routes = {table["name"]: table for table in dump_sections.route_tables(sections)}
    assignments = {entry.get("cluster_name"): entry for entry in dump_sections.assignments(sections)}
    overridden: set[str] = set()
    listeners = [_listener(listener, routes, overridden, log_path) for listener in dump_sections.listeners(sections)]
    clusters = [
        _cluster(cluster, assignments, overridden, names or {}, conversion.not_comparable)
        for cluster in dump_sections.clusters(sections)
    ]
    resources = {"listeners": listeners, "clusters": clusters}
    for context in _tls_contexts(resources):
        _give_identity(context, identity, others or {})
    conversion.bootstrap["static_resources"] = resources
    return conversion


def _listener(
    listener: dict[str, Any], routes: Mapping[str, Any], overridden: set[str], log_path: str
) -> dict[str, Any]:
    listener.pop("@type", None)
    name = listener.get("name", "")
    listener["access_log"] = [access_log.logger(log_path, kind="listener", listener=name)]
    listener["listener_filters"] = [each for each in listener.get("listener_filters", []) if not _is_istios(each)]
    default = [listener["default_filter_chain"]] if "default_filter_chain" in listener else []
    for chain in (*listener.get("filter_chains", []), *default):
        chain["filters"] = [each for each in chain.get("filters", []) if not _is_istios(each)]
        for network_filter in chain["filters"]:
            config = network_filter.get("typed_config", {})
            kind = config.get("@type", "")
            if kind.endswith(".HttpConnectionManager"):
                _connection_manager(config, routes, overridden)
                config["access_log"] = [access_log.logger(log_path, kind="http", listener=name)]
            elif kind.endswith(".TcpProxy"):
                config["access_log"] = [access_log.logger(log_path, kind="tcp", listener=name)]
    return listener


def _connection_manager(manager: dict[str, Any], routes: Mapping[str, Any], overridden: set[str]) -> None:
    manager.pop("tracing", None)
    manager.pop("access_log_options", None)
    discovery = manager.pop("rds", None)
    if discovery is not None:
        name = discovery["route_config_name"]
        manager["route_config"] = copy.deepcopy(routes.get(name, {"name": name}))
    table = manager.get("route_config", {})
    table.pop("@type", None)
    table["validate_clusters"] = False
    for holder in _objects(table):
        per_filter = holder.get("typed_per_filter_config")
        if isinstance(per_filter, dict):
            holder["typed_per_filter_config"] = {
                k: v for k, v in per_filter.items() if not _is_istios({"typed_config": v})
            }
    filters = manager.get("http_filters", [])
    if any(each.get("name") == "istio.alpn" for each in filters):
        overridden.update(_clusters_of(table))
    manager["http_filters"] = [each for each in filters if not _is_istios(each)]


def _clusters_of(table: Mapping[str, Any]) -> Iterator[str]:
    for holder in _objects(table):
        action = holder.get("route")
        if isinstance(action, dict):
            if "cluster" in action:
                yield action["cluster"]
            for share in action.get("weighted_clusters", {}).get("clusters", []):
                yield share["name"]


def _cluster(
    cluster: dict[str, Any],
    assignments: Mapping[Any, Any],
    overridden: set[str],
    names: Mapping[str, Sequence[str]],
    not_comparable: list[str],
) -> dict[str, Any]:
    name = cluster["name"]
    for unwanted in (
        "@type",
        "outlier_detection",
        "dns_lookup_family",
        "dns_refresh_rate",
        "respect_dns_ttl",
        "max_requests_per_connection",
    ):
        cluster.pop(unwanted, None)
    cluster["filters"] = [each for each in cluster.get("filters", []) if not _is_istios(each)]
    kind = cluster.get("type", "STATIC")
    if kind == "EDS":
        service = cluster.pop("eds_cluster_config", {}).get("service_name") or name
        if service not in assignments:
            not_comparable.append(f"hops[cluster={name}].endpoint")
        cluster["load_assignment"] = copy.deepcopy(assignments.get(service, {}))
    if kind in ("EDS", "STRICT_DNS", "LOGICAL_DNS"):
        cluster["type"] = "STATIC"
        cluster.setdefault("load_assignment", {})["cluster_name"] = name
        _resolve(cluster["load_assignment"], names, name, not_comparable)
    _one_request_a_connection(cluster)
    if name in overridden and not _keeps_its_alpn(cluster):
        for context in _tls_contexts(cluster):
            context["alpn_protocols"] = list(ALPN_OVERRIDE[_speaks_http2(cluster)])
    return cluster


def _speaks_http2(cluster: Mapping[str, Any]) -> bool:
    options = cluster["typed_extension_protocol_options"][HTTP_OPTIONS]
    return "http2_protocol_options" in options.get("explicit_http_config", {})


def _keeps_its_alpn(cluster: Mapping[str, Any]) -> bool:
    istio = cluster.get("metadata", {}).get("filter_metadata", {}).get("istio", {})
    return bool(istio.get("alpn_override") == "false")


def _resolve(
    assignment: dict[str, Any], names: Mapping[str, Sequence[str]], cluster: str, not_comparable: list[str]
) -> None:
    assignment.pop("@type", None)
    for locality in assignment.get("endpoints", []):
        resolved = []
        for endpoint in locality.get("lb_endpoints", []):
            address = endpoint.get("endpoint", {}).get("address", {}).get("socket_address")
            if address is None or is_address(address["address"]):
                resolved.append(endpoint)
                continue
            if address["address"] not in names:
                not_comparable.append(f"hops[cluster={cluster}].endpoint")
            for found in names.get(address["address"], ()):
                one = copy.deepcopy(endpoint)
                one["endpoint"]["address"]["socket_address"]["address"] = found
                resolved.append(one)
        locality["lb_endpoints"] = resolved


def is_address(text: str) -> bool:
    return ":" in text or text.replace(".", "").isdigit()


def _one_request_a_connection(cluster: dict[str, Any]) -> None:
    options = cluster.setdefault("typed_extension_protocol_options", {}).setdefault(
        HTTP_OPTIONS, {"@type": f"type.googleapis.com/{HTTP_OPTIONS}"}
    )
    if not any(key in options for key in ("explicit_http_config", "use_downstream_protocol_config", "auto_config")):
        # The older place of the same settings: in the cluster itself.
        http1, http2 = cluster.pop("http_protocol_options", {}), cluster.pop("http2_protocol_options", None)
        if cluster.pop("protocol_selection", "") == "USE_DOWNSTREAM_PROTOCOL":
            both = {"http_protocol_options": http1, "http2_protocol_options": http2 or {}}
            options["use_downstream_protocol_config"] = both
        else:
            options["explicit_http_config"] = (
                {"http_protocol_options": http1} if http2 is None else {"http2_protocol_options": http2}
            )
    common = options.setdefault("common_http_protocol_options", cluster.pop("common_http_protocol_options", {}))
    common["max_requests_per_connection"] = 1


def _is_istios(entry: Mapping[str, Any]) -> bool:
    if "config_discovery" in entry:
        return True
    config = entry.get("typed_config", {})
    kind = config.get("type_url") or config.get("@type", "")
    return kind.rsplit("/", 1)[-1].startswith(ISTIO_TYPES) or str(entry.get("name", "")).startswith("istio.")


def _give_identity(context: dict[str, Any], identity: Identity, others: Mapping[str, Identity]) -> None:
    secrets = [each.get("name") for each in context.pop("tls_certificate_sds_secret_configs", None) or ()]
    own = [others[name] for name in secrets if name in others]
    if secrets or context.get("tls_certificates"):
        context["tls_certificates"] = [
            {
                "certificate_chain": {"inline_string": each.certificate},
                "private_key": {"inline_string": each.key},
            }
            for each in own or [identity]
        ]
    combined = context.pop("combined_validation_context", None)
    discovered = context.pop("validation_context_sds_secret_config", None)
    if combined is not None:
        context["validation_context"] = combined.get("default_validation_context", {})
    if combined is not None or discovered is not None or "validation_context" in context:
        context.setdefault("validation_context", {})["trusted_ca"] = {"inline_string": identity.root}


def _tls_contexts(holder: Any) -> Iterator[dict[str, Any]]:
    for each in _objects(holder):
        context = each.get("common_tls_context")
        if isinstance(context, dict):
            yield context


def _objects(holder: Any) -> Iterator[dict[str, Any]]:
    if isinstance(holder, dict):
        yield holder
        for value in list(holder.values()):
            yield from _objects(value)
    elif isinstance(holder, list):
        for value in holder:
            yield from _objects(value)


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}
