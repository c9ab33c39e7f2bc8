"""What a family's probes put to the test, counted: criteria by the settings' marks, outcomes by what Envoy logged."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Document = Mapping[str, Any]

OUTCOMES: dict[str, Callable[[Document], bool]] = {
    "NR filter_chain_not_found": lambda hop: hop["response_code_details"] == "filter_chain_not_found",
    "NR route_not_found": lambda hop: hop["response_code_details"] == "route_not_found",
    "rbac_access_denied (HTTP)": lambda hop: (hop["response_code_details"] or "").startswith("rbac_access_denied"),
    "rbac_deny_close (TCP)": lambda hop: hop["downstream_local_close_reason"] == "rbac_deny_close",
    "ext_authz_error (TCP)": lambda hop: hop["response_code_details"] == "ext_authz_error",
    "local_ratelimit_close_over_limit": lambda hop: (
        hop["downstream_local_close_reason"] == "local_ratelimit_close_over_limit"
    ),
    "ratelimit_error_failure_mode_connection_close": lambda hop: (
        hop["downstream_local_close_reason"] == "ratelimit_error_failure_mode_connection_close"
    ),
    "direct_response (TCP)": lambda hop: hop["response_code_details"] == "direct_response" and not hop["status"],
    "tcp_proxy NC": lambda hop: hop["downstream_local_close_reason"] == "tcp_initializion_failure:3",
    "tcp_proxy UH": lambda hop: hop["kind"] == "tcp" and "UH" in hop["response_flags"],
    "tcp_proxy UF,URX": lambda hop: hop["downstream_local_close_reason"] == "tcp_initializion_failure:0",
    "closed by listener filters": lambda hop: hop["kind"] == "listener" and not hop["filter_chain"],
    **{
        details: lambda hop, details=details: hop["response_code_details"] == details
        for details in (
            *("missing_host_header", "low_version", "absolute_path_rejected", "path_normalization_failed"),
            *("upgrade_failed", "direct_response", "cluster_not_found", "no_healthy_upstream", "http1.codec_error"),
            *("http1.invalid_url", "http.invalid_authority", "http1.unexpected_underscore", "http1.too_many_headers"),
            *("http1.headers_too_large", "http1.invalid_characters", "http1.invalid_transfer_encoding"),
            *("http1.invalid_scheme", "http1.https_url_on_plaintext_connection", "query_missing_content_type"),
            *("http1.content_length_and_chunked_not_allowed", "rejecting_because_detection_failed"),
        )
    },
    "via_upstream": lambda hop: hop["response_code_details"] == "via_upstream",
}
"""Row of the reference -> whether a logged hop shows it. Families add theirs."""


def outcome_counts(observations: Iterable[Document]) -> Counter[str]:
    """How many probes met each row."""
    found: Counter[str] = Counter()
    for observation in observations:
        found.update({name for name, shows in OUTCOMES.items() if any(map(shows, observation["hops"]))})
    return found
