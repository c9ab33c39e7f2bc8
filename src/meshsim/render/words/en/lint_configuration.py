"""Words for what can be wrong with a proxy's configuration."""

from __future__ import annotations

from .finding_words import FindingWords

WORDS: dict[str, FindingWords] = {
    "MS100": FindingWords(
        "Envoy refuses {kind} {name}: {why}",
        "Envoy does not load configuration like this: a listener, cluster or route configuration that holds it is "
        "rejected as a whole, and an older version of it, if there is one, goes on answering.",
        "mend what the message names",
    ),
    "MS101": FindingWords(
        "no request can reach route {name}: route {by} above it takes all that it would",
        "Routes are tried in order and the first that matches is final. A route above this one is proven to match "
        "every request that this one would match, so this one never answers.",
        "move the narrower route up, or remove it",
    ),
    "MS102": FindingWords(
        "{kind} {name} leads to cluster {cluster} ({field}), which does not exist",
        "The name stands where Envoy looks for a cluster, and the configuration holds none of that name. A route "
        "answers 503 with the flag NC (or its cluster_not_found_response_code), tcp_proxy closes the connection, "
        "a filter's service cannot be asked. Not told where clusters are fetched on demand.",
        "add the cluster, or mend its name",
    ),
    "MS103": FindingWords(
        "no listener refers to route configuration {name}",
        "Its name stands in no listener and in no scope, so none of its virtual hosts answers anything.",
        "remove it, or name it in a listener's rds",
    ),
    "MS104": FindingWords(
        "cluster {name} has no endpoints",
        "Its assignment is there and empty: calls end with 503 and the flag UH, or with a closed connection.",
        "look at its subset labels and whether pods are ready",
    ),
    "MS105": FindingWords(
        "cluster {name} has endpoints, and none that a call would be given (health: {endpoints})",
        "Every endpoint is unhealthy, drained or without weight, and the panic threshold does not bring them back: "
        "calls end with 503 and the flag UH.",
        "look at the health of its pods, or at healthy_panic_threshold",
    ),
    "MS106": FindingWords(
        "no request matches route {name}: nothing meets its {field} ({value})",
        "Every path that routes are asked about begins with a slash and has lost its query, so a path without the "
        "one or with the other is never met; and a runtime_fraction of 0 takes nothing.",
        "begin the path with a slash, match the query with query_parameters, or remove the route",
    ),
    "MS107": FindingWords(
        "domain {domain} of virtual host {name} matches no host: ports are taken away before hosts are compared",
        "The route configuration says ignore_port_in_host_matching, so a host never has a port when it is compared, "
        "and the virtual host has no such domain without one.",
        "write the domain without its port",
    ),
    "MS108": FindingWords(
        "no connection is given filter chain {name}: its {field} leaves it none",
        "At each criterion of filter_chain_match the most exact value wins and there is no going back. The others "
        "at this criterion take every connection, or the listener never learns such a value (server_names, "
        "transport_protocol tls and application_protocols need an inspector), or no rule names the chain.",
        "widen the match, add the listener filter that learns the value, or remove the chain",
    ),
    "MS109": FindingWords(
        "filter chains {chains} of listener {name} are of equal rank: {field} {keys}",
        "0.0.0.0/0, ::/0 and no range at all are the same to Envoy, and which of them it keeps is a matter of hash "
        "order: the chain differs from process to process.",
        "state the same range in all of them, or in none",
    ),
    "MS110": FindingWords(
        "filter_chain_matcher of listener {name} names filter chain {chain}, which does not exist",
        "A connection that comes to this name is closed; the default filter chain does not stand in.",
        "add the chain, or mend its name",
    ),
    "MS111": FindingWords(
        "no connection comes to listener {name} at {address}: it has no socket, and no listener hands connections on",
        "With bind_to_port false a listener only gets connections from one with use_original_dst, and none has it.",
        "bind it to its port, or set use_original_dst on the listener that takes redirected connections",
    ),
    "MS112": FindingWords(
        "filter chain {name} takes its routes from route configuration {table}, which is not there",
        "Until it is delivered the listener waits; then, or where the wait is over, every request gets 404 with the "
        "flag NR.",
        "deliver it, or mend the name in rds",
    ),
    "MS113": FindingWords(
        "Envoy refused an update of {kind} {name}: {error} (older version in force: {in_force})",
        "The dump holds the reason for which Envoy refused what it was sent last. Where an older version is in "
        "force it goes on answering, else there is none.",
        "mend what the message names; for Istio look at the EnvoyFilter that made it",
    ),
    "MS114": FindingWords(
        "{kind} {name} is not in force yet: it still waits for something, such as a secret, endpoints or routes",
        "It was warming when the dump was taken. That is normal for a moment; where it stays so, what it waits for "
        "never comes.",
        "take the dump again; if it stays, look for missing secrets and route configurations",
    ),
    "MS115": FindingWords(
        "a connection opened for {other} may be used for {host} too, as certificate {certificate} serves both, and "
        "gets 404 there",
        "Browsers and other HTTP/2 clients send requests for another host over a connection they have, where its "
        "certificate names that host and the address is the same. The filter chain was chosen by the first host's "
        "server name, and its routes do not know the second host.",
        "serve both hosts from one gateway (one chain and route configuration), or give each its own certificate",
    ),
    "MS116": FindingWords(
        "nothing comes to listener {name}: the packet rules leave connections to {address} alone (last rule: {rule})",
        "The listener waits for connections that the pod's rules redirect, and they do not redirect this port or "
        "address: calls go past the proxy. For addresses that stand for any, some known ones were tried.",
        "take the port out of excludeOutboundPorts (or the address out of excludeOutboundIPRanges), or expect no "
        "routing there",
    ),
    "MS117": FindingWords(
        "cluster {name} speaks plaintext to pod {server}, where only TLS is taken (filter chain {chain})",
        "A call through this cluster was followed into the other pod: no chain there takes a plaintext connection, "
        "so calls end with 503 and a reset. In Istio: a DestinationRule without mTLS against a STRICT "
        "PeerAuthentication.",
        "let the client speak mTLS (Istio: tls mode ISTIO_MUTUAL), or let the server take plaintext (PERMISSIVE)",
    ),
    "MS118": FindingWords(
        "{protocol} at port {port} of listener {name}: {inspectors} wait for bytes that its clients never send first "
        "(waits {timeout})",
        "The server speaks first in this protocol, and the listener's inspectors wait for the client. The connection "
        "hangs until listener_filters_timeout, and for ever where there is none.",
        "name the protocol of the port (Istio: appProtocol tcp), or disable the inspectors for it",
    ),
    "MS119": FindingWords(
        "nothing names cluster {name}",
        "Its name stands in no listener, route, cluster or other part of the configuration. Meshes push every "
        "service to every proxy, so this is common.",
        "limit what the proxy is sent (Istio: a Sidecar resource), or remove it",
    ),
    "MS120": FindingWords(
        "route {name} gives cluster {cluster} a weight of 0",
        "No request goes there. Canaries at rest look like this.",
        "remove it, or give it a weight",
    ),
}
