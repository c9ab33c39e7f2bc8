"""The flags of a call: every field of the call document has one, and curl's own habits work too."""

from __future__ import annotations

import argparse
import json
import re
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import Any, TypeVar

from ..address import split_host_port, try_parse_ip
from ..errors import InputError
from ..facts.answer import Answer
from ..facts.call import MAX_RANDOM_VALUE, PROTOCOLS, TLS_VERSIONS, UNSET, Call, Unset, read_call
from ..facts.conversation import ClientCertificate, ClientTls, ProxyProtocol
from .curl import HeaderOptions, Url, check_method, connect_to, parse_headers, parse_url, resolve_address

V = TypeVar("V")
OVER_TLS = "http2 where ALPN agrees"
"""What --http2 means to curl: offered in ALPN, nothing else."""
_HTTP_ONLY = {"method": "-X", "head": "-I", "header": "-H", "host": "--host", "path": "--path"}
_ENCRYPTED = ("https", "tls")
_TLS_ONLY = ("sni", "alpn", "client_cert", "tls_max", "ciphers", "curves")


def add_call_flags(parser: argparse.ArgumentParser) -> None:
    """All of them, in groups as a reader looks for them."""
    parser.add_argument("url", nargs="?", metavar="URL", help="http:// https:// tcp:// tls:// grpc://; no scheme: http")
    _add_who(parser.add_argument_group("who calls"))
    _add_where(parser.add_argument_group("where to"))
    _add_what(parser.add_argument_group("what is said (curl's habits)"))
    _add_tls(parser.add_argument_group("TLS"))
    _add_pins(parser.add_argument_group("pins"))


def _add_who(group: Any) -> None:
    add = group.add_argument
    add("--id", help="echoed in the trace")
    add("--from", dest="from_", metavar="POD", help="pod, NAME.NAMESPACE, or outside")
    add("--inbound", action="store_true", help="a packet arrives at the pod, instead of a process there connecting")
    add("--pod", metavar="POD", help="with --inbound: where it arrives (default: the owner of the destination)")
    add("--src", "--source", dest="source", metavar="IP[:PORT]", help="the client's own address")
    add("--uid", type=_integer(0, 0xFFFFFFFF), help="user of the connecting process (1000)")
    add("--gid", type=_integer(0, 0xFFFFFFFF), help="group of the connecting process (1000)")
    add("--groups", type=_id_list, metavar="GID,…", default=(), help="its supplementary groups")
    add("--mark", type=_integer(0, 0xFFFFFFFF), default=0, help="the packet's mark; 0x1 works too")
    add("--transparent", action="store_true", help="the connecting socket is IP_TRANSPARENT")


def _add_where(group: Any) -> None:
    add = group.add_argument
    add("--dst", metavar="IP:PORT", help="the address dialled, whatever the URL says; a name is resolved")
    add("--cluster", metavar="NAME", help="the proxy's own call to this cluster, instead of a destination")
    add("--resolve", action="append", default=[], metavar="HOST:PORT:ADDRESS", help="a name's address")
    add("--connect-to", action="append", default=[], metavar="HOST1:PORT1:HOST2:PORT2", help="dial another host")


def _add_what(group: Any) -> None:
    add = group.add_argument
    add("--host", "--authority", dest="host", metavar="AUTHORITY", help="the Host header (or :authority)")
    add("--path", help="path and query, sent as it stands")
    add("--path-as-is", action="store_true", help="keep /../ and /./ of the URL")
    add("-X", "--request", dest="method", metavar="METHOD", help="the method (GET)")
    add("-I", "--head", dest="head", action="store_true", help="HEAD")
    add("-H", "--header", dest="header", action="append", default=[], metavar="'NAME: VALUE'", help="repeatable")
    add("-k", "--insecure", action="store_true", help="taken as curl's; this client never checks certificates")
    add("--protocol", choices=PROTOCOLS, metavar="PROTOCOL", help="what is spoken: " + ", ".join(PROTOCOLS))
    for flag, protocol in (
        ("--http1.0", "http/1.0"),
        ("--http1.1", "http/1.1"),
        ("--http2", OVER_TLS),
        ("--http2-prior-knowledge", "http2"),
    ):
        add(flag, dest="protocol", action="store_const", const=protocol, help=f"{protocol}, as curl means it")
    add("--server-first", action="store_true", help="tcp: the server speaks first")
    add("--payload", default="", metavar="TEXT", help="tcp, udp: the first bytes; http: the body, of chunks too")
    add("-m", "--max-time", type=_seconds, metavar="SECONDS", help="the client hangs up after so long (default: never)")
    add("--proxy-protocol", type=_proxy_protocol, metavar="SOURCE,DESTINATION", help="a PROXY header comes first")


def _add_tls(group: Any) -> None:
    add = group.add_argument
    add("--tls", action="store_true", help="speak TLS (https:// and tls:// do)")
    add("--sni", help="server name; '' sends none (default: the host, unless an IP)")
    add("--alpn", action="append", metavar="PROTOCOL[,…]", help="offered protocols in order; '' offers none")
    add(
        "--client-cert", type=_certificate, metavar="URI", help="spiffe://… or a JSON object with uri_sans, dns_sans, …"
    )
    for number in range(4):
        named = f"--tlsv1.{number}"
        add(
            named, dest="tls_min", action="store_const", const=number, help=f"TLS 1.{number} or later, as curl means it"
        )
    add("--tls-max", choices=TLS_VERSIONS, metavar="VERSION", help="no later TLS than this: " + ", ".join(TLS_VERSIONS))
    add("--ciphers", metavar="NAME[:…]", help="cipher suites of TLS 1.2 and before (default: whatever fits)")
    add("--curves", metavar="NAME[:…]", help="curves for the key exchange (default: whatever fits)")


def _add_pins(group: Any) -> None:
    add = group.add_argument
    add(
        "--pick", action="append", type=_pair("SITE=OPTION"), default=[], metavar="SITE=OPTION", help="take this option"
    )
    add(
        "--answer",
        action="append",
        type=_answer,
        default=[],
        metavar="SITE=STATUS|JSON",
        help="what the service or script behind a filter answers, such as 0/filter/authz=401",
    )
    add("--random-value", type=_integer(0, MAX_RANDOM_VALUE), metavar="N", help="each stream's random value")
    add("--runtime", action="append", type=_pair("KEY=VALUE"), default=[], metavar="KEY=VALUE", help="a runtime key")


def call_flags_given(flags: Namespace, defaults: Namespace) -> list[str]:
    """The call fields that differ from an empty command line's."""
    return [name for name, value in vars(defaults).items() if getattr(flags, name) != value]


def call_from(flags: Namespace) -> Call:
    """The call that the flags ask for. InputError where they contradict each other."""
    url = parse_url(flags.url, path_as_is=flags.path_as_is) if flags.url is not None else None
    if flags.pod is not None and not flags.inbound:
        raise InputError("pod-without-inbound", "--pod needs --inbound", hint="--from names the pod that calls")
    if flags.inbound and flags.from_ is not None:
        raise InputError(
            "from-with-inbound", "--from has no meaning with --inbound", hint="--src names the peer's address"
        )
    protocol, alpn = _protocol(flags, url)
    if protocol in ("tcp", "udp"):
        given = [flag for name, flag in _HTTP_ONLY.items() if getattr(flags, name)]
        if url is not None and url.path:
            given.append(f"the path {url.path}")
        if given:
            raise InputError(
                "no-http",
                f"{given[0]}: {protocol} carries no HTTP",
                hint="drop it, or ask with http:// or --protocol http",
            )
    options = parse_headers(flags.header)
    if flags.cluster is not None and (url is not None or flags.dst is not None):
        raise InputError("cluster-and-destination", "--cluster with a URL or --dst", hint="give one of them")
    destination, resolve = (None, {}) if flags.cluster is not None else _destination(flags, url)
    authority = _authority(flags, url, options)
    return Call(
        id=flags.id,
        destination=destination,
        cluster=flags.cluster,
        from_=flags.from_,
        direction="inbound" if flags.inbound else "outbound",
        pod=flags.pod,
        source=flags.source,
        uid=flags.uid,
        gid=flags.gid,
        groups=flags.groups,
        mark=flags.mark,
        transparent=flags.transparent,
        protocol=protocol,
        tls=_tls(flags, url, alpn, destination, authority),
        server_first=flags.server_first,
        payload=flags.payload,
        proxy_protocol=flags.proxy_protocol,
        method=check_method(flags.method) if flags.method is not None else "HEAD" if flags.head else "GET",
        authority=authority,
        path=_path(flags, url),
        headers=_headers(options, url),
        runtime={key: _runtime(value) for key, value in flags.runtime},
        random_value=flags.random_value,
        choices=_once("pick", "options", flags.pick),
        answers=_once("answer", "answers", flags.answer),
        resolve=resolve,
        max_time=flags.max_time,
    )


def _protocol(flags: Namespace, url: Url | None) -> tuple[str | None, tuple[str, ...]]:
    """(the call's protocol; None: what ALPN agrees on, else HTTP/1.1), and what TLS offers by default."""
    chosen = flags.protocol
    if chosen == OVER_TLS:
        return None, ("h2", "http/1.1")
    if chosen is None:
        by_scheme = {"grpc": "grpc", "tcp": "tcp", "tls": "tcp"}
        chosen = by_scheme.get(url.scheme) if url is not None else None
    offers = {
        None: ("h2", "http/1.1"),
        "http": ("http/1.1",),
        "http/1.1": ("http/1.1",),
        "http/1.0": ("http/1.0",),
        "http2": ("h2",),
        "grpc": ("h2",),
    }
    return chosen, offers.get(chosen, ())


def _destination(flags: Namespace, url: Url | None) -> tuple[str | None, dict[str, str]]:
    """Where the client connects, and how that name resolves."""
    if flags.dst is not None and "://" in flags.dst:
        raise InputError("bad-destination", f"--dst {flags.dst!r} is a URL", hint="give the URL without --dst")
    if flags.dst is not None:
        text = flags.dst
    elif url is not None:
        host, port = connect_to(flags.connect_to, url.host, url.port)
        text = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    else:
        if flags.host is None:
            raise InputError(
                "no-destination", "no URL and no --dst: where does the call go?", hint="such as --dst 10.0.0.5:80"
            )
        text = flags.host
    try:
        host, port_or_none = split_host_port(text)
    except ValueError as error:
        raise InputError("bad-destination", f"destination: {error}", hint="write ip:port or name:port") from None
    if not host:
        raise InputError("bad-destination", f"destination {text!r} has no host", hint="write ip:port or name:port")
    port = port_or_none if port_or_none is not None else 443 if _encrypted(flags, url) else 80
    address = resolve_address(flags.resolve, host, port)
    return text, {} if address is None else {f"{host}:{port}": address}


def _authority(flags: Namespace, url: Url | None, options: HeaderOptions) -> str | Unset | None:
    if flags.host is not None:
        if options.host_given and options.host != flags.host:
            raise InputError("two-hosts", "--host and -H 'Host: …' say different things", hint="give one of them")
        return str(flags.host)
    if options.host_given:
        return options.host
    if url is None:
        return UNSET
    return url.destination if url.scheme == "grpc" else url.authority


def _tls(
    flags: Namespace, url: Url | None, offer: tuple[str, ...], destination: str | None, authority: str | Unset | None
) -> ClientTls | None:
    if not _encrypted(flags, url):
        given = [f"--{name.replace('_', '-')}" for name in _TLS_ONLY if getattr(flags, name)]
        if given:
            raise InputError("no-tls", f"{given[0]} needs TLS", hint="add --tls, or use https:// or tls://")
        return None
    if flags.sni is not None:
        sni = flags.sni or None
    else:
        named = url.host if url is not None else authority if isinstance(authority, str) else destination
        host = split_host_port(named or "")[0].rstrip(".")
        sni = host if host and try_parse_ip(host) is None else None
    if flags.alpn is not None:
        offer = tuple(part.strip() for text in flags.alpn for part in text.split(",") if part.strip())
    highest = len(TLS_VERSIONS) - 1 if flags.tls_max is None else TLS_VERSIONS.index(flags.tls_max)
    return ClientTls(
        sni=sni,
        alpn=offer,
        client_certificate=flags.client_cert,
        lowest=min(ClientTls().lowest, highest) if flags.tls_min is None else flags.tls_min,
        highest=highest,
        cipher_suites=None if flags.ciphers is None else tuple(flags.ciphers.split(":")),
        curves=None if flags.curves is None else tuple(flags.curves.split(":")),
    )


def _encrypted(flags: Namespace, url: Url | None) -> bool:
    return bool(flags.tls) or (url is not None and url.scheme in _ENCRYPTED)


def _path(flags: Namespace, url: Url | None) -> str:
    if flags.path is None:
        return (url.path if url is not None else "") or "/"
    if not flags.path or re.search(r"[\x00-\x20\x7f]", flags.path):
        raise InputError("bad-path", f"--path {flags.path!r} is empty or holds blanks", hint="write a blank as %20")
    return str(flags.path)


def _headers(options: HeaderOptions, url: Url | None) -> dict[str, str | tuple[str, ...]]:
    headers = dict(options.headers)
    if url is not None and url.authorization is not None and "authorization" not in options.taken_away:
        headers.setdefault("authorization", (url.authorization,))
    return {name: values[0] if len(values) == 1 else values for name, values in headers.items()}


def _once(flag: str, what: str, pairs: list[tuple[str, V]]) -> dict[str, V]:
    """Site -> what was said of it, which is one thing."""
    said: dict[str, V] = {}
    for site, value in pairs:
        if said.setdefault(site, value) != value:
            raise InputError(
                f"two-{flag}s", f"--{flag} {site} is given twice with different {what}", hint="give one of them"
            )
    return said


def _runtime(text: str) -> Any:
    """Numbers and booleans as such, everything else as text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text


def _integer(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text, 0)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ArgumentTypeError(f"{text!r} is not an integer from {low} to {high}")
        return value

    return read


def _seconds(text: str) -> str | None:
    """As curl's: a number of seconds, fractions too; 0 is for ever."""
    stated = text.removesuffix("s")
    if stated == "0":
        return None
    try:
        return read_call({"max_time": f"{stated}s"}).max_time
    except InputError:
        raise ArgumentTypeError(f"{text!r} is no number of seconds, such as 1.5") from None


def _id_list(text: str) -> tuple[int, ...]:
    read = _integer(0, 0xFFFFFFFF)
    return tuple(read(part.strip()) for part in text.split(",") if part.strip())


def _pair(form: str) -> Callable[[str], tuple[str, str]]:
    def read(text: str) -> tuple[str, str]:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise ArgumentTypeError(f"{text!r} is not {form}")
        return key, value

    return read


def _answer(text: str) -> tuple[str, Answer]:
    """A status alone, or the call document's own form."""
    site, said = _pair('SITE=STATUS or SITE={"status": 401, …}')(text)
    try:
        value = json.loads(said)
    except (ValueError, RecursionError) as error:
        raise ArgumentTypeError(f"{site}: neither a status nor a JSON object: {error}") from None
    document = value if isinstance(value, dict) else {"status": value}
    try:
        return site, read_call({"answers": {site: document}}).answers[site]
    except InputError as error:
        raise ArgumentTypeError(error.message) from None


def _proxy_protocol(text: str) -> ProxyProtocol:
    source, comma, destination = text.partition(",")
    if not comma or not source or not destination:
        raise ArgumentTypeError(f"{text!r} is not SOURCE,DESTINATION, such as 10.0.0.9:5000,10.0.0.5:80")
    return ProxyProtocol(source.strip(), destination.strip())


def _certificate(text: str) -> ClientCertificate:
    """A URI is the certificate's one URI name; a JSON object is the call document's own form."""
    value: object = text
    if text.lstrip().startswith("{"):
        try:
            value = json.loads(text)
        except ValueError as error:
            raise ArgumentTypeError(f"{text!r} is no JSON object: {error}") from None
    try:
        tls = read_call({"tls": {"client_certificate": value}}).tls
    except InputError as error:
        raise ArgumentTypeError(error.message) from None
    assert isinstance(tls, ClientTls) and tls.client_certificate is not None
    return tls.client_certificate
