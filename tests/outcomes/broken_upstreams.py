"""Ways of not reaching the upstream that HTTP and TCP have in common."""

from __future__ import annotations

from tests.outcomes.worlds import FAR, TYPES, downstream_tls, far, hcm, proxy

BEFORE = "upstream_reset_before_response_started"
LOST = {"unreachable": ["10.9.0.0/16"]}
BOUND = {"upstream_bind_config": {"source_address": {"address": "127.0.0.6", "port_value": 0}}}
UNHEALTHY = {
    "load_assignment": {
        "cluster_name": "out",
        "endpoints": [
            {
                "lb_endpoints": [
                    {
                        "endpoint": {"address": {"socket_address": {"address": FAR, "port_value": 80}}},
                        "health_status": "UNHEALTHY",
                    }
                ]
            }
        ],
    },
    "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
}
NOBODY = {"load_assignment": {"cluster_name": "out", "endpoints": []}}
UNRESTORED = {"type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "load_assignment": {"cluster_name": "out"}}
REFUSED = "{remote_connection_failure|delayed_connect_error:_Connection_refused}"
BAD_BIND = "{remote_connection_failure|immediate_connect_error:_Invalid_argument|remote_address:10.9.9.9:80}"
NO_CERTIFICATE = "TLS_error:|268436496:SSL_routines:OPENSSL_internal:SSLV3_ALERT_HANDSHAKE_FAILURE:TLS_error_end"
STRICT = far(held=proxy(hcm(), at=f"{FAR}:80", **downstream_tls()))
LATER = {"name": "later", "sds_config": {"path_config_source": {"path": "later.json"}}}
WITH_A_SECRET = {
    "transport_socket": {
        "name": "tls",
        "typed_config": {
            "@type": f"{TYPES}transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {"tls_certificate_sds_secret_configs": [LATER]},
        },
    }
}
AWAITED = {"awaited": ["later"]}
"""What the gate's dump says of that secret."""
NO_SECRET = "_TLS_error:_Secret_is_not_supplied_by_SDS"
PIPE = "/nowhere/none.sock"
MISSING_PIPE = {
    "load_assignment": {
        "cluster_name": "out",
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": PIPE}}}}]}],
    }
}
NO_PIPE = f"immediate_connect_error:_No_such_file_or_directory|remote_address:{PIPE}"
