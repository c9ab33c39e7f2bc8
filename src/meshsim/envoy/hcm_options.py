"""Options of the HTTP connection manager that act before routing, read and typed."""

from __future__ import annotations

from attrs import frozen

from ..address import make_prefix, try_parse_ip
from ..config.view import View
from ..reasons import Reason, because
from .client_certificate_matcher import ClientCertificatePolicy, compile_client_certificate_policy
from .early_mutations import compile_early_mutations
from .ip_detection import Detection, compile_detections
from .mutation_steps import Step
from .paths import ESCAPED_SLASHES

CODEC_TYPES = ("AUTO", "HTTP1", "HTTP2", "HTTP3")
_UNDERSCORES = ("ALLOW", "REJECT_REQUEST", "DROP_HEADER")
DEFAULT_HEADERS_KB = 60
DEFAULT_STREAM_IDLE_TIMEOUT_MS = 300_000
DEFAULT_IDLE_TIMEOUT_MS = 3_600_000
DEFAULT_DRAIN_TIMEOUT_MS, DEFAULT_DELAYED_CLOSE_TIMEOUT_MS = 5_000, 1_000


@frozen(eq=False)
class ForwardingOptions:
    """How client address, scheme and x-forwarded headers are worked out."""

    use_remote_address: bool
    trusted_hops: int
    skip_xff_append: bool
    append_port: bool
    via: str
    internal_ranges: tuple[tuple[int, int], ...]
    unreadable: tuple[Reason, ...]
    """Ranges that are no addresses (dumps are published with addresses blotted out), and unknown extensions."""
    scheme: str | None
    """scheme_header_transformation.scheme_to_overwrite"""
    client_certificate: ClientCertificatePolicy
    generate_request_id: bool
    preserve_request_id: bool
    add_user_agent: bool
    detections: tuple[Detection, ...]
    """original_ip_detection_extensions"""
    early_mutations: tuple[Step, ...]


@frozen
class HeadTimer:
    """One timer that answers a request whose head does not end."""

    after_ms: int | float
    field: str
    details: str
    flags: tuple[str, ...]
    body: str


@frozen
class QuietTimer:
    """One timer that closes a connection on which no request begins."""

    after_ms: int | float
    field: str
    close_reason: str
    """%DOWNSTREAM_LOCAL_CLOSE_REASON%"""


@frozen(eq=False)
class CodecOptions:
    codec_type: str
    accept_http_10: bool
    default_host: str | None
    allow_absolute_url: bool
    allow_custom_methods: bool
    underscores: str
    """headers_with_underscores_action"""
    max_headers: int
    max_headers_bytes: int
    allow_chunked_length: bool
    refuses_https_in_the_clear: bool
    """An https URL in the request line of a plaintext connection; where the scheme is the socket's to say."""
    takes_one_request: bool
    """max_requests_per_connection: 1"""
    keeps_bad_connections: bool
    """Whether a 400 leaves an HTTP/1 connection open (stream_error_on_invalid_http_message)."""
    keeps_bad_http2_connections: bool
    """Whether a broken request resets its stream only."""
    allow_connect: bool
    """Whether HTTP/2 clients may send :protocol (RFC 8441)."""
    head_timers: tuple[HeadTimer, ...]
    """Those that may end the wait for the rest of a request's head, the shortest first."""
    quiet_timers: tuple[QuietTimer, ...]
    """Those that may end the wait for a first request, the shortest first."""
    drain_timeout_ms: int | float
    """Between the first and the last GOAWAY."""
    delayed_close_timeout_ms: int | float
    """How long a closing connection waits for its client to go first; 0: it does not."""
    unanswered_ping: QuietTimer | None
    """Of HTTP/2: the wait for the answer to the first keep-alive PING, without its jitter."""
    proxy_100_continue: bool
    """Whether `expect: 100-continue` is the upstream's to answer."""


@frozen(eq=False)
class NormalisationOptions:
    normalize_path: bool
    merge_slashes: bool
    escaped_slashes: str
    strip_any_port: bool
    strip_matching_port: bool
    strip_trailing_dot: bool


def compile_codec(view: View) -> CodecOptions:
    options = view.view("http_protocol_options")
    http2 = view.view("http2_protocol_options")
    common = view.view("common_http_protocol_options")
    return CodecOptions(
        codec_type=view.enum("codec_type", CODEC_TYPES),
        accept_http_10=options.boolean("accept_http_10", False) if options is not None else False,
        default_host=options.text("default_host_for_http_10") or None if options is not None else None,
        allow_absolute_url=options.boolean("allow_absolute_url", True) if options is not None else True,
        allow_custom_methods=options.boolean("allow_custom_methods", False) if options is not None else False,
        underscores=common.enum("headers_with_underscores_action", _UNDERSCORES, unnamed="REJECT_REQUEST")
        if common is not None
        else "ALLOW",
        head_timers=_head_timers(view),
        quiet_timers=_quiet_timers(common),
        drain_timeout_ms=view.duration_ms("drain_timeout", DEFAULT_DRAIN_TIMEOUT_MS),
        delayed_close_timeout_ms=view.duration_ms("delayed_close_timeout", DEFAULT_DELAYED_CLOSE_TIMEOUT_MS),
        unanswered_ping=_unanswered_ping(http2),
        proxy_100_continue=view.boolean("proxy_100_continue", False),
        max_headers_bytes=1024 * view.integer("max_request_headers_kb", DEFAULT_HEADERS_KB),
        allow_chunked_length=options.boolean("allow_chunked_length", False) if options is not None else False,
        refuses_https_in_the_clear=view.boolean("use_remote_address", False)
        and not view.integer("xff_num_trusted_hops", 0),
        takes_one_request=common is not None and common.integer("max_requests_per_connection") == 1,
        keeps_bad_connections=_keeps_bad_connections(view, options),
        keeps_bad_http2_connections=_keeps_bad_connections(view, http2),
        allow_connect=http2.boolean("allow_connect", False) if http2 is not None else False,
        max_headers=common.integer("max_headers_count", 100) if common is not None else 100,
    )


def _quiet_timers(common: View | None) -> tuple[QuietTimer, ...]:
    idle = DEFAULT_IDLE_TIMEOUT_MS if common is None else common.duration_ms("idle_timeout", DEFAULT_IDLE_TIMEOUT_MS)
    longest = 0 if common is None else common.duration_ms("max_connection_duration", 0)
    timers = (
        QuietTimer(int(idle), "idle_timeout", "on_idle_timeout"),
        QuietTimer(int(longest), "max_connection_duration", "duration_timeout"),
    )
    return tuple(sorted((timer for timer in timers if timer.after_ms), key=lambda timer: timer.after_ms))


def _unanswered_ping(http2: View | None) -> QuietTimer | None:
    keepalive = http2.view("connection_keepalive") if http2 is not None else None
    interval_ms = keepalive.duration_ms("interval", 0) if keepalive is not None else 0
    if keepalive is None or not interval_ms:
        return None
    after_ms = interval_ms + keepalive.duration_ms("timeout", 0)
    return QuietTimer(after_ms, "connection_keepalive", "http2_ping_timeout")


def _head_timers(view: View) -> tuple[HeadTimer, ...]:
    timers = (
        HeadTimer(
            view.duration_ms("request_headers_timeout", 0),
            "request_headers_timeout",
            "request_header_timeout",
            (),
            "request header timeout",
        ),
        HeadTimer(
            view.duration_ms("stream_idle_timeout", DEFAULT_STREAM_IDLE_TIMEOUT_MS),
            "stream_idle_timeout",
            "stream_idle_timeout",
            ("SI",),
            "stream timeout",
        ),
        HeadTimer(
            view.duration_ms("request_timeout", 0), "request_timeout", "request_overall_timeout", (), "request timeout"
        ),
    )
    return tuple(sorted((timer for timer in timers if timer.after_ms), key=lambda timer: timer.after_ms))


def _keeps_bad_connections(view: View, options: View | None) -> bool:
    newer = options.boolean("override_stream_error_on_invalid_http_message") if options is not None else None
    return view.boolean("stream_error_on_invalid_http_message", False) if newer is None else newer


def compile_forwarding(view: View, resource: str) -> ForwardingOptions:
    internal = view.view("internal_address_config")
    ranges = internal.views("cidr_ranges") if internal is not None else ()
    scheme = view.view("scheme_header_transformation")
    detections, unknown_detections = compile_detections(view, resource)
    early_mutations, unknown_mutations = compile_early_mutations(view, resource)
    policy = compile_client_certificate_policy(view)
    return ForwardingOptions(
        use_remote_address=view.boolean("use_remote_address", False),
        trusted_hops=view.integer("xff_num_trusted_hops", 0),
        skip_xff_append=view.boolean("skip_xff_append", False),
        append_port=view.boolean("append_x_forwarded_port", False),
        via=view.text("via", ""),
        internal_ranges=tuple(read for read in map(_range, ranges) if read is not None),
        unreadable=(
            *(_unreadable(entry) for entry in ranges if _range(entry) is None),
            *unknown_detections,
            *unknown_mutations,
            *(policy.matcher.unmodelled if policy.matcher is not None else ()),
        ),
        detections=detections,
        early_mutations=early_mutations,
        scheme=scheme.text("scheme_to_overwrite") or None if scheme is not None else None,
        client_certificate=policy,
        generate_request_id=view.boolean("generate_request_id", True),
        preserve_request_id=view.boolean("preserve_external_request_id", False),
        add_user_agent=view.boolean("add_user_agent", False),
    )


def _range(entry: View) -> tuple[int, int] | None:
    address = try_parse_ip(entry.text("address_prefix", ""))
    return None if address is None else make_prefix(address, entry.integer("prefix_len", 0))


def _unreadable(entry: View) -> Reason:
    return because("http.range-unreadable", entry.place, value=entry.text("address_prefix", ""))


def compile_normalisation(view: View) -> NormalisationOptions:
    return NormalisationOptions(
        normalize_path=view.boolean("normalize_path", False),
        merge_slashes=view.boolean("merge_slashes", False),
        escaped_slashes=view.enum("path_with_escaped_slashes_action", ESCAPED_SLASHES, unnamed="UNESCAPE_AND_FORWARD"),
        strip_any_port=view.boolean("strip_any_host_port", False),
        strip_matching_port=view.boolean("strip_matching_host_port", False),
        strip_trailing_dot=view.boolean("strip_trailing_host_dot", False),
    )
