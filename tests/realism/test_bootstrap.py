"""The conversion from a dump to a runnable bootstrap, piece by piece."""

import copy
from typing import Any

from tests.realism import bootstrap, dump_sections

IDENTITY = bootstrap.Identity(certificate="LEAF", key="KEY", root="ROOT")
TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def tls_socket() -> dict[str, Any]:
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": TLS,
            "sni": "a",
            "common_tls_context": {
                "alpn_protocols": ["istio-peer-exchange", "istio"],
                "tls_certificate_sds_secret_configs": [{"name": "default"}],
                "combined_validation_context": {
                    "default_validation_context": {"match_typed_subject_alt_names": [{"san_type": "URI"}]},
                    "validation_context_sds_secret_config": {"name": "ROOTCA"},
                },
            },
        },
    }


def dump(**parts: Any) -> dict[str, Any]:
    manager = {
        "@type": HCM,
        "stat_prefix": "x",
        "rds": {"route_config_name": "80"},
        "tracing": {},
        "http_filters": parts.get("http_filters", [{"name": "istio.alpn"}, {"name": "envoy.filters.http.router"}]),
    }
    listener = {
        "name": "0.0.0.0_80",
        "filter_chains": [{"filters": [{"name": "istio.stats"}, {"name": "hcm", "typed_config": manager}]}],
    }
    routes = {
        "name": "80",
        "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [{"route": {"cluster": "eds"}}]}],
    }
    eds = {
        "name": "eds",
        "type": "EDS",
        "eds_cluster_config": {"service_name": "service"},
        "transport_socket": tls_socket(),
    }
    other = {"name": "other", "type": "EDS", "transport_socket": tls_socket()}
    dns = {
        "name": "dns",
        "type": "STRICT_DNS",
        "load_assignment": {"endpoints": [{"lb_endpoints": [endpoint("a.example")]}]},
    }
    return {
        "configs": [
            {
                "@type": "x.BootstrapConfigDump",
                "bootstrap": {"node": {"id": "n"}, "stats_sinks": [1], "dynamic_resources": {}},
            },
            {"@type": "x.ClustersConfigDump", "dynamic_active_clusters": [{"cluster": c} for c in (eds, other, dns)]},
            {
                "@type": "x.ListenersConfigDump",
                "dynamic_listeners": [{"active_state": {"listener": listener}}, {"error_state": {}}],
            },
            {"@type": "x.RoutesConfigDump", "dynamic_route_configs": [{"route_config": routes}]},
            {
                "@type": "x.EndpointsConfigDump",
                "dynamic_endpoint_configs": [
                    {
                        "endpoint_config": {
                            "cluster_name": "service",
                            "endpoints": [{"lb_endpoints": [endpoint("10.1.1.1")]}],
                        }
                    }
                ],
            },
        ]
    }


def endpoint(host: str) -> dict[str, Any]:
    return {"endpoint": {"address": {"socket_address": {"address": host, "port_value": 80}}}}


def converted(source: dict[str, Any] | None = None) -> bootstrap.Conversion:
    return bootstrap.convert(source or dump(), identity=IDENTITY, log_path="/log")


def cluster(conversion: bootstrap.Conversion, name: str) -> dict[str, Any]:
    clusters = conversion.bootstrap["static_resources"]["clusters"]
    found: dict[str, Any] = next(each for each in clusters if each["name"] == name)
    return found


def addresses(of: dict[str, Any]) -> list[str]:
    return [
        one["endpoint"]["address"]["socket_address"]["address"]
        for locality in of["load_assignment"].get("endpoints", [])
        for one in locality["lb_endpoints"]
    ]


def test_the_dump_itself_is_left_alone() -> None:
    source = dump()
    before = copy.deepcopy(source)
    converted(source)
    assert source == before


def test_only_active_listeners_and_no_control_plane_remain() -> None:
    result = converted().bootstrap
    assert [each["name"] for each in result["static_resources"]["listeners"]] == ["0.0.0.0_80"]
    assert set(result) == {"node", "admin", "static_resources"}


def test_endpoints_are_inlined_by_service_name() -> None:
    eds = cluster(converted(), "eds")
    assert (eds["type"], addresses(eds), eds["load_assignment"]["cluster_name"]) == ("STATIC", ["10.1.1.1"], "eds")


def test_endpoints_no_dump_states_are_named_as_not_comparable() -> None:
    result = converted()
    assert addresses(cluster(result, "other")) == []
    assert "hops[cluster=other].endpoint" in result.not_comparable
    assert "hops[cluster=eds].endpoint" not in result.not_comparable


def test_names_are_resolved_or_named() -> None:
    known = bootstrap.convert(dump(), identity=IDENTITY, log_path="/log", names={"a.example": ["10.2.2.2", "10.2.2.3"]})
    assert addresses(cluster(known, "dns")) == ["10.2.2.2", "10.2.2.3"]
    assert "hops[cluster=dns].endpoint" in converted().not_comparable


def test_secrets_become_test_certificates_and_the_demanded_names_stay() -> None:
    context = cluster(converted(), "eds")["transport_socket"]["typed_config"]["common_tls_context"]
    assert context["tls_certificates"] == [
        {"certificate_chain": {"inline_string": "LEAF"}, "private_key": {"inline_string": "KEY"}}
    ]
    assert context["validation_context"] == {
        "match_typed_subject_alt_names": [{"san_type": "URI"}],
        "trusted_ca": {"inline_string": "ROOT"},
    }
    assert not [key for key in context if "sds" in key or "combined" in key]


def test_istio_alpn_is_written_where_a_connection_manager_with_it_routes() -> None:
    def offered(name: str, source: dict[str, Any]) -> Any:
        return cluster(converted(source), name)["transport_socket"]["typed_config"]["common_tls_context"][
            "alpn_protocols"
        ]

    assert offered("eds", dump()) == ["istio-http/1.1", "istio", "http/1.1"]
    assert offered("other", dump()) == ["istio-peer-exchange", "istio"]
    assert offered("eds", dump(http_filters=[{"name": "envoy.filters.http.router"}])) == [
        "istio-peer-exchange",
        "istio",
    ]


def test_filters_of_istios_build_go_and_routes_come_in() -> None:
    (listener,) = converted().bootstrap["static_resources"]["listeners"]
    (manager_filter,) = listener["filter_chains"][0]["filters"]
    manager = manager_filter["typed_config"]
    assert [each["name"] for each in manager["http_filters"]] == ["envoy.filters.http.router"]
    assert manager["route_config"]["name"] == "80"
    assert manager["route_config"]["validate_clusters"] is False
    assert not {"rds", "tracing"} & set(manager)


def test_every_connection_manager_and_listener_logs() -> None:
    (listener,) = converted().bootstrap["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    kinds = [each["access_log"][0]["typed_config"]["log_format"]["json_format"]["kind"] for each in (listener, manager)]
    assert kinds == ["listener", "http"]


def test_an_upstream_connection_carries_one_request() -> None:
    options = cluster(converted(), "eds")["typed_extension_protocol_options"][bootstrap.HTTP_OPTIONS]
    assert options["common_http_protocol_options"]["max_requests_per_connection"] == 1
    assert "explicit_http_config" in options


def test_http_settings_of_older_dumps_move_to_their_new_place() -> None:
    def options(**settings: Any) -> dict[str, Any]:
        source = dump()
        source["configs"][1]["dynamic_active_clusters"][1]["cluster"] |= settings
        found: dict[str, Any] = cluster(converted(source), "other")["typed_extension_protocol_options"]
        assert not set(settings) & set(cluster(converted(source), "other"))
        return dict(found[bootstrap.HTTP_OPTIONS])

    assert "http2_protocol_options" in options(http2_protocol_options={})["explicit_http_config"]
    followed = options(http2_protocol_options={}, protocol_selection="USE_DOWNSTREAM_PROTOCOL")
    assert set(followed["use_downstream_protocol_config"]) == {"http_protocol_options", "http2_protocol_options"}


def test_a_later_dump_replaces_by_kind_and_name() -> None:
    later = {
        "configs": [
            {"@type": "x.RoutesConfigDump", "dynamic_route_configs": [{"route_config": {"name": "80", "new": True}}]}
        ]
    }
    merged = dump_sections.overlay(dump(), later)
    (entry,) = next(section for section in merged["configs"] if section["@type"] == "x.RoutesConfigDump")[
        "dynamic_route_configs"
    ]
    assert entry["route_config"] == {"name": "80", "new": True}
