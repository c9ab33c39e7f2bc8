"""What curl makes of its arguments: URLs, -H, --resolve, --connect-to. Pure functions over texts; knows no call.

Checked against curl 7.88 on a plain socket; where curl is silent (a header without colon) this is an error.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from attrs import frozen

from ..address import format_ip, try_parse_ip
from ..errors import InputError
from ..render.redact import Redactor

DEFAULT_PORTS = {"http": 80, "https": 443}
SCHEMES = ("http", "https", "tcp", "tls", "grpc")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"[^\s/?#@:\[\]\\\"<>|^`{}%]+")
_BLANK = re.compile(r"[\x00-\x20\x7f]")


@frozen
class Url:
    scheme: str
    host: str
    """Without brackets, in the case it was typed."""
    port: int
    port_stated: bool
    path: str
    """With its query, as it is sent; empty when the URL stops after the host."""
    authorization: str | None = None
    """From user:password@, as curl sends it."""

    @property
    def bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def destination(self) -> str:
        return f"{self.bracketed}:{self.port}"

    @property
    def authority(self) -> str:
        """What stands in the Host header: the port only where it is not the scheme's own."""
        return self.bracketed if DEFAULT_PORTS.get(self.scheme) == self.port else self.destination


def parse_url(text: str, *, path_as_is: bool = False) -> Url:
    """A URL as curl takes it; without a scheme it is http."""
    if _BLANK.search(text):
        raise _bad_url(text, "a URL holds no blanks or control characters", "write a blank as %20")
    named = _SCHEME.match(text)
    scheme = named[1].lower() if named else "http"
    if scheme not in SCHEMES:
        raise _bad_url(text, f"the scheme {scheme} is not known", "schemes: " + ", ".join(SCHEMES))
    rest = (text[named.end() :] if named else text).partition("#")[0]
    split = re.search(r"[/?]", rest)
    authority, target = (rest[: split.start()], rest[split.start() :]) if split else (rest, "")
    userinfo, at, host_port = authority.rpartition("@")
    host, port_text = _split_authority(host_port, text)
    if port_text:
        if not is_port(port_text):
            raise _bad_url(text, f"{port_text!r} is no port", "ports go from 0 to 65535")
        port = int(port_text)
    elif scheme in DEFAULT_PORTS:
        port = DEFAULT_PORTS[scheme]
    else:
        raise _bad_url(text, f"{scheme} has no default port", f"such as {scheme}://{host_port or 'host'}:9000")
    if re.search(r"[][{}]", target):
        raise _bad_url(
            text, "curl would expand [] and {} into several calls", "give the path with --path, or as %5B %7B"
        )
    return Url(scheme, host, port, bool(port_text), _target(target, path_as_is), _basic(userinfo) if at else None)


def _split_authority(text: str, url: str) -> tuple[str, str]:
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        ip = try_parse_ip(host)
        if not bracket or ip is None or ":" not in host or (port and not port.startswith(":")):
            raise _bad_url(url, f"{text!r} is no [IPv6]:port", "such as http://[::1]:80/")
        return format_ip(ip), port[1:]
    host, _, port = text.partition(":")
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise _bad_url(url, f"{host!r} is no host name", "write it in its xn-- form") from None
    if not _HOST.fullmatch(host):
        raise _bad_url(url, f"{host!r} is no host name" if host else "it has no host", "such as http://reviews:9080/")
    return host, port


def _target(target: str, path_as_is: bool) -> str:
    """Dot segments squashed, bytes beyond ASCII percent-encoded, a slash before a bare query."""
    if not target:
        return ""
    encoded = "".join(c if c.isascii() else "".join(f"%{b:02x}" for b in c.encode("utf-8", "replace")) for c in target)
    path, question, query = encoded.partition("?")
    if not path_as_is:
        path = remove_dot_segments(path)
    return (path or "/") + question + query


def remove_dot_segments(path: str) -> str:
    """RFC 3986, section 5.2.4."""
    kept: list[str] = []
    segments = path.split("/")
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
            if last:
                kept.append("")
        elif segment == ".":
            if last:
                kept.append("")
        else:
            kept.append(segment)
    return "/".join(kept) if kept else path


def _basic(userinfo: str) -> str:
    user, _, password = userinfo.partition(":")
    credentials = f"{unquote(user)}:{unquote(password)}"
    return "Basic " + base64.b64encode(credentials.encode("utf-8")).decode("ascii")


def _bad_url(text: str, why: str, hint: str) -> InputError:
    before, slashes, rest = text.rpartition("://")
    host, found, target = rest.partition("/")
    shown = Redactor(active=True).target(before + slashes + Redactor(active=True).authority(host) + found + target)
    return InputError("bad-url", f"URL {shown!r}: {why}", hint=hint)


@frozen
class HeaderOptions:
    """What the -H options add up to."""

    headers: dict[str, tuple[str, ...]]
    """Lower-case name -> values."""
    host_given: bool
    host: str | None
    """With host_given: the Host header's value; None: none is sent."""
    taken_away: frozenset[str]
    """Lower-case names given as `Name:`: headers that curl would add by itself, and then does not."""


def parse_headers(options: Iterable[str]) -> HeaderOptions:
    """`Name: value`; `Name;` sends it empty; `Name:` sends none by itself. Of several Host options the first counts."""
    headers: dict[str, tuple[str, ...]] = {}
    taken_away = set()
    host_given, host = False, None
    for option in options:
        name, separator, value = _split_header(option)
        lowered = name.lower()
        if lowered == "host":
            if not host_given:
                host_given = True
                # exactly `Host:` takes the header away; blanks behind it are sent as an empty value
                host = None if separator == ":" and value == "" else value.strip()
        elif separator == ";" or value.strip():
            headers[lowered] = (*headers.get(lowered, ()), value.strip())
        else:
            taken_away.add(lowered)
    return HeaderOptions(headers, host_given, host, frozenset(taken_away))


def _split_header(option: str) -> tuple[str, str, str]:
    if option.startswith("@"):
        raise InputError("bad-header", f"-H {option!r}: headers are not read from files", hint="give each with -H")
    if option.startswith(":"):
        raise InputError(
            "bad-header", f"-H {option!r}: pseudo headers have their own flags", hint="--host, --path, -X and the URL"
        )
    name, colon, value = option.partition(":")
    if not colon:
        if not option.rstrip().endswith(";"):
            # what follows the first word may be a credential, and so may a word that stands alone
            named = f" {option.split()[0]!r} …" if len(option.split()) > 1 else ""
            raise InputError("bad-header", f"-H{named} has no colon", hint="such as -H 'x-user: jason'")
        name, separator, value = option.rstrip()[:-1], ";", ""
    else:
        separator = ":"
    if not _TOKEN.fullmatch(name):
        raise InputError("bad-header", f"-H {option!r}: {name!r} is no header name", hint="such as -H 'x-user: jason'")
    if re.search(r"[\r\n\x00]", value):
        raise InputError(
            "bad-header", f"-H {name}: the value holds a line end", hint="give each header with its own -H"
        )
    return name, separator, value


def is_port(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", text) is not None and int(text) <= 65535


def connect_to(options: Sequence[str], host: str, port: int) -> tuple[str, int]:
    """--connect-to HOST1:PORT1:HOST2:PORT2: the host and port that are dialled instead; the first that fits."""
    for option in options:
        from_host, from_port, to_host, to_port = _quad(option)
        if from_host not in ("", host.lower()) or from_port not in ("", str(port)):
            continue
        return to_host or host, int(to_port) if to_port else port
    return host, port


def _quad(option: str) -> tuple[str, str, str, str]:
    parts = split_colons(option)
    if len(parts) != 4 or not all(part == "" or is_port(part) for part in (parts[1], parts[3])):
        raise InputError(
            "bad-connect-to", f"--connect-to {option!r} is not HOST1:PORT1:HOST2:PORT2", hint="such as ::10.0.0.5:8080"
        )
    return parts[0].lower(), parts[1], parts[2], parts[3]


def resolve_address(options: Sequence[str], host: str, port: int) -> str | None:
    """--resolve [+]HOST:PORT:ADDRESS[,ADDRESS]…: the address for this host and port; the last that names them counts.

    HOST may be `*`; a name beats it. `-HOST:PORT` takes an earlier one away.
    """
    found: dict[str, str] = {}
    for option in options:
        key, address = _resolve(option)
        if address is None:
            found.pop(key, None)
        else:
            found[key] = address
    return found.get(f"{host.lower()}:{port}", found.get(f"*:{port}"))


def _resolve(option: str) -> tuple[str, str | None]:
    if option.startswith("-"):
        parts = split_colons(option[1:])
        if len(parts) == 2:
            return f"{parts[0].lower()}:{parts[1]}", None
    host, colon, rest = option.removeprefix("+").partition(":")
    port, second, addresses = rest.partition(":")
    address = addresses.split(",")[0].strip("[]")
    if not (host and colon and second and is_port(port)) or try_parse_ip(address) is None:
        raise InputError(
            "bad-resolve", f"--resolve {option!r} is not HOST:PORT:ADDRESS", hint="such as reviews:9080:10.96.4.2"
        )
    return f"{host.lower()}:{int(port)}", address


def split_colons(text: str) -> list[str]:
    """Split at colons outside brackets; the brackets go."""
    return [part.strip("[]") for part in re.split(r":(?![^\[]*\])", text)]


def check_method(text: str) -> str:
    """-X."""
    if not _TOKEN.fullmatch(text):
        raise InputError("bad-method", f"-X {text!r} is no method", hint="such as -X POST")
    return text
