"""Sentences of the walk itself: hooks, the wire, applications, endings, assumptions about hosts."""

WORDS: dict[str, str] = {
    "hook.question": "where do the packet rules of {pod} send {packet}?",
    "hook.to-proxy": "the packet ends at {socket}, the socket of the proxy's listener {listener}",
    "hook.to-application": "the packet ends at the application's socket {socket}",
    "hook.to-wire": "the packet leaves the pod for {destination}",
    "hook.refused": "nothing listens on {destination}",
    "hook.refused-listener-rejected": (
        "nothing listens on {destination}: Envoy rejected the listener {listener} at {time}: {error}"
    ),
    "hook.refused-listener-warming": (
        "nothing listens on {destination}: the listener {listener} is still warming and takes no connections"
    ),
    "hook.dropped": "the packet to {destination} is dropped by {by}",
    "hook.rejected": "the packet to {destination} is rejected by {by}",
    "hook.lost": "the packet to {destination} finds no way on ({by})",
    "hook.answer-lost": (
        "the packet reaches {destination}, but the answer does not come back ({by}), so the client sees silence"
    ),
    "hook.answer-misaddressed": (
        "the packet reaches {destination}, but conntrack does not know the answer as one, so it carries addresses that "
        "the client does not expect"
    ),
    "hook.application-assumed": (
        "no input says which sockets exist there, so an application is assumed to listen on {destination} "
        "(state `sockets` in host facts)"
    ),
    "hook.rules-assumed": (
        "no packet rules were given for {pod}, so the rules of a default sidecar are assumed "
        "(give the output of `iptables-save`)"
    ),
    "hook.address-assumed": (
        "no input says which addresses {pod} has, so {address} is assumed (state `addresses` in host facts)"
    ),
    "hook.no-configuration": (
        "the packet rules of {pod} redirect the packet to {destination}, and no proxy configuration was given for it "
        "(give its `config_dump`)"
    ),
    "hook.no-listeners": (
        "the dump of {pod} holds no listeners (its sections: {sections}), so nobody can say what its proxy accepts "
        "(give the whole dump: `pilot-agent request GET 'config_dump?include_eds'`)"
    ),
    "wire.question": "who owns {destination}?",
    "wire.to-pod": "{destination} belongs to {pod}",
    "wire.outside": "{destination} belongs to no known host: the call leaves for it, and what follows is not known",
    "wire.unreachable": "packets to {destination} get no answer",
    "app.question": "what does the application on {destination} do?",
    "app.delivered": "the application on {destination} in {pod} gets the call",
    "app.silent": "the application on {destination} accepts and never answers",
    "app.closed": "the application on {destination} accepts and closes the connection",
    "app.reset": "the application on {destination} resets the connection",
    "app.tls-mismatch": "the client speaks {client} and the application on {destination} speaks {server}",
    "app.tls-inside-tls": "the application on {destination} ends the TLS around the call and finds the client's own TLS"
    " where it waits for HTTP",
    "app.other-version": "the client speaks {client} and the application on {destination} speaks {server}",
    "app.certificate-not-trusted": "the caller does not trust the certificate of {destination}",
    "app.certificate-for-others": "the certificate of {destination} is for {names}, which the caller does not accept",
    "app.client-certificate-refused": "{destination} refuses the caller's TLS handshake ({failure})",
    "return.question": "what becomes of this ending: {ending}?",
    "return.passed-on": "it is passed on as it is ({ending})",
    "return.local-reply": "the upstream attempt ended ({ending}), so the proxy answers {status} itself",
    "return.gave-up": "{attempts} upstream attempts failed (the last: {ending}), so the proxy answers {status} itself",
    "return.tunnel-ended": "the client had its 200 when the tunnel stood; the tunnel ended later ({ending})",
    "return.broken-off": (
        "the upstream closed after {came} of {stated} bytes of the body; the client had the status by then"
    ),
    "return.body-timed-out": (
        "only {came} of {stated} bytes of the body came; a timer ended the response after {after}, and the client had "
        "the status by then"
    ),
    "return.waits-for-body": (
        "only {came} of {stated} bytes of the body came, and nothing ends the wait for the rest but the client"
    ),
    "return.length-differs": (
        "the upstream stated a body of {stated} bytes and sent {came}, which HTTP/2 does not take; the client had the "
        "status by then"
    ),
    "return.states-more": (
        "the response states a longer body than it has: its client waits for more, and what ends that is not modelled"
    ),
    "return.status-removed": (
        "a filter took :status away from the response ({before}), so the proxy answers 502 in its stead"
    ),
    "return.closed": "the upstream attempt ended ({ending}), so the proxy closes the connection",
    "return.timed-out": "nothing came for {after}, so the proxy answers {status} itself",
    "return.tries-again": "the attempt failed ({failure}), and the policy ({policy}) allows attempt {attempt}",
    "return.connects-again": "the attempt failed ({failure}), and the proxy makes attempt {attempt}",
    "return.response-headers-unknown": (
        "the retry policy ({policy}) looks at response headers, which no input states; no retry is assumed"
    ),
    "client.question": "has the client, which waits for {after}, its answer by then?",
    "client.left": "nothing ended it within the {after} that the client waits, so the client hangs up",
    "client.within-body": (
        "the body is not whole, and whether a client that waits for {after} leaves before that is not modelled"
    ),
    "refresh.question": "which cluster does route {route} name for attempt {attempt} (refresh_cluster_on_retry)?",
    "refresh.another": "the retry goes to cluster {cluster}, drawn among the {left} that were not tried yet",
    "refresh.all-again": "all weighted clusters were tried; the retry goes to {cluster}, drawn among all {left} again",
    "refresh.by-specifier": "plugin {plugin} names cluster {cluster} for the retry",
    "refresh.kept": "plugin {plugin} names no cluster for the retry, which goes to {cluster} again",
    "redirect.question": "does the proxy follow the redirect to {location} itself?",
    "redirect.followed": "the proxy follows the redirect to {location} itself: number {number} of at most {most}",
    "redirect.no-path": "a CONNECT request has no path that could be redirected, so the client gets the answer",
    "redirect.no-location": "the answer names no location, so the client gets it as it is",
    "redirect.location-unknown": (
        "the application answers {status}, and no input says with which location; the proxy is taken not to follow it"
    ),
    "redirect.not-absolute": (
        "the location {location} is no absolute URL, which alone the proxy follows; the client gets the redirect"
    ),
    "redirect.cross-scheme": (
        "{location} has another scheme than the request, and allow_cross_scheme_redirect is off; "
        "the client gets the redirect"
    ),
    "redirect.too-many": "max_internal_redirects is {most}, so the client gets the redirect to {location}",
    "redirect.no-route": "no route of the proxy takes {location}, so the client gets the redirect",
    "redirect.predicate": (
        "{predicate} does not let the redirect to {location} go to route {route}; the client gets the redirect"
    ),
    "redirect.body-too-large": (
        "the body of {size} bytes is larger than the {limit} that are kept to be sent again; "
        "the client gets the redirect"
    ),
    "outcome.loop": "the packets of {pod} to {destination} come back to where they started",
    "outcome.unknown-assumption": "the answer rests on an assumption ({code}), and --strict allows none",
    "runtime.layer-hidden": "runtime key {key} has the value that the configuration gives it; "
    "what {kind} {layer!r} holds stands in no input (curl localhost:15000/runtime shows it; state it with --runtime)",
    "name.assumed": (
        "no input says what the name {name} resolves to, so the stand-in address {address} is dialled "
        "(use --resolve, or `names` in host facts)"
    ),
}
