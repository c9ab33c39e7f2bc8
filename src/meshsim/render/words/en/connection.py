"""Sentences about connections: listener filters, listeners, filter chains, handshakes, network filters."""

WORDS: dict[str, str] = {
    "inspect.question": "what do the listener filters of {listener} learn?",
    "inspect.nothing": "{listener} has no listener filters",
    "inspect.learned": "destination {destination}, transport {transport}, SNI {sni}, ALPN {alpn}",
    "inspect.timeout-closed": (
        "{filter} waits for the client's first bytes, which do not come: Envoy closes the connection after {after} "
        "(listener_filters_timeout)"
    ),
    "inspect.timeout-passed": (
        "{filter} waits for the client's first bytes for {after}, then the connection goes on without what it and the "
        "filters after it would have found"
    ),
    "inspect.hanging": (
        "{filter} waits for the client's first bytes and the client waits for the server's: both wait for ever "
        "(listener_filters_timeout is 0)"
    ),
    "inspect.closed": "{filter} closes the connection",
    "inspect.opaque-filter": "the listener filter {filter} ({type}) is not modelled; it is taken to let the call pass",
    "inspect.source-kept": (
        "{filter} makes the proxy dial upstream from {source}; the packets shown leave from the proxy's own address"
    ),
    "inspect.tokens-unknown": (
        "{filter} closes new connections while its token bucket is empty; it is taken to have a token left"
    ),
    "listener.question": "is there a listener for {destination}?",
    "listener.handed-off": "the listener {listener} owns {destination}",
    "listener.to-itself": "{destination} is the address of {listener} itself: its listener filters run a second time",
    "listener.none": "no listener for {destination}, so {receiver} keeps the connection",
    "listener.none-rejected": (
        "no listener for {destination}: Envoy rejected {listener} at {time}: {error}; the accepting listener keeps the "
        "connection"
    ),
    "listener.none-warming": (
        "no listener for {destination} yet: {listener} is still warming; the accepting listener keeps the connection"
    ),
    "listener.address-unreadable": "the address of listener {listener} cannot be read, so nobody can say whether the "
    "call to port {port} is for it",
    "listener.update-refused": (
        "Envoy refused a later version of {listener} at {time} and goes on with this one: {error}"
    ),
    "chain.question": "which filter chain of {listener} takes {destination}?",
    "chain.matched": "filter chain {chain} matches best",
    "chain.only": "filter chain {chain} is the only one",
    "chain.default": "no filter chain matches, so the default filter chain {chain} takes it",
    "chain.none": (
        "no filter chain of {listener} matches destination {destination}, transport {transport}, SNI {sni}, "
        "ALPN {alpn}: Envoy closes the connection"
    ),
    "chain.none-outranked": (
        "no filter chain of {listener} is left: {chain} would match, but a more specific {level} took over and then "
        "failed, and Envoy does not go back"
    ),
    "chain.ambiguous": (
        "{listener} has an explicit catch-all range beside a chain without one, and Envoy's choice between {chains} "
        "changes from start to start"
    ),
    "chain.named": "the filter_chain_matcher of {listener} names filter chain {chain}",
    "chain.unknown-name": (
        "the filter_chain_matcher of {listener} names the chain {chain}, which does not exist: Envoy closes the "
        "connection, even where there is a default chain"
    ),
    "chain.matcher-keeps-matching": (
        "a filter_chain_matcher of {listener} sets keep_matching, at which Envoy 1.40 crashes; the answer is what it "
        "would be if it went on"
    ),
    "matcher.not-modelled": "what the matcher {matcher} sees is not modelled; it is taken not to match",
    "matcher.open": "only run time can tell whether the matcher of {leads_to} holds; it is taken not to",
    "chain.transport-socket-not-modelled": (
        "the transport socket {type} of filter chain {chain} is not modelled; bytes are taken as they come"
    ),
    "handshake.question": "does the client speak what filter chain {chain} expects?",
    "handshake.plaintext": "{chain} takes the bytes as they come",
    "handshake.tls-not-terminated": "{chain} does not terminate TLS: the client's TLS bytes go on unread",
    "handshake.done": "TLS handshake done, ALPN {alpn}, client certificate {peer}",
    "handshake.client-speaks-plaintext": "{chain} expects TLS and the client speaks plaintext: the handshake fails",
    "handshake.client-silent": "{chain} waits for a ClientHello that the client never sends",
    "handshake.client-silent-closed": (
        "{chain} waits for a ClientHello that the client never sends, and closes after {after} "
        "(transport_socket_connect_timeout)"
    ),
    "handshake.no-certificate": "{chain} requires a client certificate and the client has none: the handshake fails",
    "handshake.untrusted-certificate": "{chain} does not accept the client's certificate: the handshake fails",
    "handshake.peer-speaks-plaintext": (
        "{near} sends plaintext because that is what {transport} of its cluster {cluster} says ({written}), {chain} "
        "demands {demand}: the connection is closed"
    ),
    "handshake.expired-certificate": "{chain} does not accept a certificate that has expired: the handshake fails",
    "handshake.other-version": "{chain} and the client have no TLS version in common: the handshake fails",
    "handshake.names-unknown": (
        "no input says which names the caller's certificate carries, so {chain} is assumed to take it (node metadata "
        "MESH_ID, NAMESPACE and SERVICE_ACCOUNT say so, or the dump's secrets)"
    ),
    "handshake.no-version": "{chain} has its lowest TLS version above its highest: no handshake can succeed",
    "handshake.other-curve": (
        "the key of {chain} is of an elliptic curve that the client does not name: the handshake fails"
    ),
    "handshake.no-shared-curve": "{chain} and the client have no curve for keys in common: the handshake fails",
    "handshake.no-shared-cipher": "{chain} and the client have no cipher suite in common: the handshake fails",
    "handshake.key-unknown": (
        "no input shows the server's key of {chain}: taken to be of the kind, RSA or ECDSA, that fits the cipher suites"
        " and curves of both sides"
    ),
    "handshake.server-names-unknown": (
        "no input shows the certificate of {chain}: it is taken to carry the name that the caller asks for"
    ),
    "handshake.secret-missing": "{chain} still waits for a secret with its certificates, and closes until it has it",
    "handshake.own-name": "the certificate of {chain} is for {own}, the caller asks for {wanted}: the handshake fails",
    "handshake.other-name": "the client's certificate carries none of the names {chain} asks for: the handshake fails",
    "network.question": "what do the network filters of {chain} do?",
    "network.to-http": "{filter} reads the bytes as HTTP",
    "network.to-cluster": "{filter} sends the bytes to cluster {cluster}",
    "network.weighted-clusters": "{filter} picks a cluster by weight",
    "network.cluster-by-filter": "{filter} sends the bytes to cluster {cluster}, which a filter before it named",
    "network.server-speaks-first": "filter {filter} is asked with the first byte of the client, and the server speaks "
    "first: what it says by itself gets through",
    "network.echoes": "filter {filter} says back what it hears",
    "network.authority-unreachable": "filter {filter} cannot reach the service it asks, and closes the connection",
    "network.denied": "filter {filter} was told to deny the connection",
    "network.no-tokens": "filter {filter} has no token for any connection",
    "network.over-limit": "filter {filter} was told that the limit is reached",
    "network.asks-a-service": "filter {filter} asks a service (cluster {cluster}); its answer is assumed to let the "
    "connection pass",
    "network.state-not-followed": "filter {filter} writes {key}; what follows from it is not modelled",
    "network.resolves-name": "filter {filter} resolves {host}:{port}; it is assumed that there is an answer",
    "network.name-unresolved": "filter {filter} got no answer for {host}:{port}",
    "network.opaque-filter": "the network filter {filter} ({type}) is not modelled; it is taken to let the call pass",
    "network.filter-blocks": "{filter} is taken to close the connection",
    "network.direct-response": "{filter} answers with a fixed text and closes",
    "network.no-filters": "{chain} has no filters, so Envoy closes the connection at once",
    "network.no-terminal-filter": "{chain} ends in no filter that could send the call on",
    "network.terminal-not-modelled": (
        "the filter {filter} ({type}) ends the chain and is not modelled; clusters it names: {clusters}"
    ),
    "network.tunnel-not-modelled": (
        "{filter} tunnels through HTTP, which is not modelled; the bytes are shown as they are"
    ),
}
