"""Words for what can be wrong with a proxy's configuration."""

from __future__ import annotations

from .finding_words import FindingWords

WORDS: dict[str, FindingWords] = {
    "MS101": FindingWords(
        "no request can reach route {name}: route {by} above it takes all that it would",
        "Routes are tried in order and the first that matches is final. A route above this one is proven to match "
        "every request that this one would match, so this one never answers.",
        "move the narrower route up, or remove it",
    ),
    "MS102": FindingWords(
        "{name} leads to cluster {cluster} ({field}), which does not exist",
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
    "MS106": FindingWords(
        "no request matches route {name}: nothing meets its {field} ({value})",
        "Every path that routes are asked about begins with a slash and has lost its query, so a path without the "
        "one or with the other is never met; and a runtime_fraction of 0 takes nothing.",
        "begin the path with a slash, match the query with query_parameters, or remove the route",
    ),
}
