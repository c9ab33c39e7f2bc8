"""Host facts: meshsim's own small YAML for what no dump says about a pod. Read strictly: a misspelt key is an error.

Addresses become ints here. Routes, rules and sysctls stay the text they are; what they mean is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from attrs import evolve, field, frozen

from ..address import make_prefix, parse_endpoint, parse_ip, parse_prefix
from ..errors import InputError
from ..place import PathPart, Place
from .documents import Document

T = TypeVar("T")
Prefix = tuple[int, int]
"""(address or network, mask), as meshsim.address makes them."""

SPEAKS = ("http", "h2c", "https", "grpc", "tls", "tcp", "udp", "reset", "close", "silent")


@frozen
class StatedTls:
    """The TLS side of a stated socket: what it offers and whom it accepts."""

    alpn: tuple[str, ...] = ()
    uri_sans: tuple[str, ...] = ()
    dns_sans: tuple[str, ...] = ()
    trusted: bool = True
    """Whether clients' roots vouch for its certificate."""
    require_client_certificate: bool = False


@frozen
class StatedSocket:
    """A socket that an application holds."""

    ip: int
    port: int
    place: Place
    protocol: str = "tcp"
    speaks: str = "tcp"
    uid: int | None = None
    gid: int | None = None
    status: int | None = None
    """What its application answers to an HTTP request."""
    transparent: bool = False
    v6only: bool = False
    tls: StatedTls | None = None
    path: str = ""
    """Of a pipe, whose ip and port then say nothing."""
    process: str = ""
    """The name of the program, where `ss` says it."""


@frozen(eq=False)
class HostFacts:
    """Everything stated about one host."""

    place: Place
    pod: str = ""
    """"": named by the subfolder, or by whoever loads it."""
    interfaces: Mapping[str, tuple[Prefix, ...]] = field(factory=dict)
    """Device -> its addresses with their masks, the primary one first."""
    routes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(factory=dict)
    local_prefixes: tuple[Prefix, ...] = ()
    names: Mapping[str, tuple[int, ...]] = field(factory=dict)
    """Lower-case name -> addresses, as this pod resolves it."""
    sockets: tuple[StatedSocket, ...] = ()
    sockets_stated: bool = False
    """Whether `sockets` was written at all: then every other port refuses, even when the list is empty."""
    unreachable: tuple[Prefix, ...] = ()
    pipes: Mapping[str, StatedSocket] = field(factory=dict)
    """Path -> what listens there."""
    pipes_stated: bool = False
    """Whether whoever wrote `sockets` would have named pipes too: `ss` lists none."""

    def addresses(self) -> tuple[int, ...]:
        """The host's addresses but those of the loopback device, the primary one first."""
        return tuple(ip for device, held in self.interfaces.items() if device != "lo" for ip, _mask in held)

    def over(self, other: HostFacts) -> HostFacts:
        """Both together; where they speak of the same thing, this one's word stands."""
        own = {(socket.protocol, socket.ip, socket.port) for socket in self.sockets}
        more = (socket for socket in other.sockets if (socket.protocol, socket.ip, socket.port) not in own)
        return HostFacts(
            place=self.place,
            pod=self.pod or other.pod,
            interfaces={**self.interfaces, **_without(other.interfaces, self.interfaces)},
            routes=tuple(dict.fromkeys(self.routes + other.routes)),
            rules=tuple(dict.fromkeys(self.rules + other.rules)),
            sysctls={**other.sysctls, **self.sysctls},
            local_prefixes=tuple(dict.fromkeys(self.local_prefixes + other.local_prefixes)),
            names={**other.names, **self.names},
            sockets=(*self.sockets, *more),
            sockets_stated=self.sockets_stated or other.sockets_stated,
            unreachable=tuple(dict.fromkeys(self.unreachable + other.unreachable)),
            pipes={**other.pipes, **self.pipes},
            pipes_stated=self.pipes_stated or other.pipes_stated,
        )

    def joined(self, other: HostFacts) -> HostFacts:
        """Two outputs of one host: its IPv4 and its IPv6 addresses stand in two of them."""
        held = {
            device: tuple(dict.fromkeys((*self.interfaces.get(device, ()), *other.interfaces.get(device, ()))))
            for device in (*self.interfaces, *other.interfaces)
        }
        return evolve(other.over(self), interfaces=held)


def _without(these: Mapping[str, T], names: Mapping[str, Any]) -> dict[str, T]:
    return {name: value for name, value in these.items() if name not in names}


def read_host_facts(document: Document) -> HostFacts:
    """The facts of a document that says `kind: HostFacts`. InputError with the place of what is wrong."""
    top = _Object(document.data, Place(document.name), _TOP)
    interfaces = top.mapping("interfaces", _texts)
    if "addresses" in top.data:
        if "eth0" in interfaces:
            raise _bad(top.place / "addresses", "addresses is short for an eth0 that is stated too", "keep one of them")
        interfaces = {**interfaces, "eth0": _texts(top.data["addresses"], top.place / "addresses")}
    held = {
        device: tuple(
            _converted(_interface_address, text, _below(top, "interfaces", device, at)) for at, text in enumerate(texts)
        )
        for device, texts in interfaces.items()
    }
    names = {
        name.lower().removesuffix("."): tuple(
            _converted(parse_ip, text, top.place / "names" / name / at) for at, text in enumerate(texts)
        )
        for name, texts in top.mapping("names", _texts).items()
    }
    sockets = _sockets(top)
    stated = top.data.get("sockets") is not None
    return HostFacts(
        place=top.place,
        pod=top.text("pod", ""),
        interfaces=held,
        routes=top.texts("routes"),
        rules=top.texts("rules"),
        sysctls=top.mapping("sysctls", _plain),
        local_prefixes=top.each("local_prefixes", parse_prefix),
        names=names,
        sockets=tuple(each for each in sockets if not each.path),
        sockets_stated=stated,
        unreachable=top.each("unreachable", parse_prefix),
        pipes={each.path: each for each in sockets if each.path},
        pipes_stated=stated,
    )


_TOP = frozenset(
    {
        "kind",
        "pod",
        "interfaces",
        "addresses",
        "routes",
        "rules",
        "sysctls",
        "local_prefixes",
        "names",
        "sockets",
        "unreachable",
    }
)
_SOCKET = frozenset(["listen", "protocol", "speaks", "uid", "gid", "status", "transparent", "v6only", "tls"])
_PIPES = ("/", "./", "@")
"""How the path of a pipe starts, `@` in the abstract namespace; everything else is an address."""
_TLS = frozenset(["alpn", "uri_sans", "dns_sans", "trusted", "require_client_certificate"])


def _sockets(top: _Object) -> tuple[StatedSocket, ...]:
    sockets = top.data.get("sockets")
    if sockets is None:
        return ()
    if not isinstance(sockets, list):
        raise _expected("a list of sockets", top.place / "sockets")
    return tuple(_socket(_Object(one, top.place / "sockets" / at, _SOCKET)) for at, one in enumerate(sockets))


def _socket(one: _Object) -> StatedSocket:
    listen = one.text("listen", "")
    if not listen:
        raise _bad(one.place, "a socket without listen", 'write listen: "0.0.0.0:8080"')
    path = listen if listen.startswith(_PIPES) else ""
    ip, port = (0, 0) if path else _converted(parse_endpoint, listen, one.place / "listen")
    if path and "udp" in (one.data.get("protocol"), one.data.get("speaks")):
        raise _bad(one.place, "a pipe that speaks UDP", "leave protocol and speaks udp out: a pipe is a stream")
    speaks = one.choice("speaks", SPEAKS, "udp" if one.data.get("protocol") == "udp" else "tcp")
    tls = _Object(one.data["tls"], one.place / "tls", _TLS) if one.data.get("tls") is not None else None
    status = one.integer("status")
    if status is not None and not 100 <= status <= 599:
        raise _bad(one.place / "status", f"{status} is no HTTP status", "give a number from 100 to 599")
    return StatedSocket(
        ip=ip,
        port=port,
        place=one.place,
        protocol=one.choice("protocol", ("tcp", "udp"), "udp" if speaks == "udp" else "tcp"),
        speaks=speaks,
        uid=one.integer("uid"),
        gid=one.integer("gid"),
        status=status,
        transparent=one.boolean("transparent", default=False),
        v6only=one.boolean("v6only", default=False),
        path=path,
        tls=None
        if tls is None
        else StatedTls(
            alpn=tls.texts("alpn"),
            uri_sans=tls.texts("uri_sans"),
            dns_sans=tls.texts("dns_sans"),
            trusted=tls.boolean("trusted", default=True),
            require_client_certificate=tls.boolean("require_client_certificate", default=False),
        ),
    )


class _Object:
    """A strict reader of one object: only the keys it knows."""

    def __init__(self, data: Any, place: Place, known: frozenset[str]) -> None:
        if not isinstance(data, dict):
            raise _expected("an object", place)
        self.data: dict[str, Any] = data
        self.place = place
        for key in data:
            if key not in known:
                near = get_close_matches(key, known, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
                raise InputError("unknown-key", f"the key {key!r} is not known here", place=place / key, hint=hint)

    def text(self, key: str, default: str) -> str:
        value = self.data.get(key, default)
        if not isinstance(value, str):
            raise _expected("a string", self.place / key)
        return value

    def choice(self, key: str, names: tuple[str, ...], default: str) -> str:
        value = self.text(key, default)
        if value not in names:
            raise _bad(self.place / key, f"{value!r} is not known here", f"one of {', '.join(names)}")
        return value

    def integer(self, key: str) -> int | None:
        value = self.data.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 32:
            raise _expected("a number from 0", self.place / key)
        return value

    def boolean(self, key: str, *, default: bool) -> bool:
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            raise _expected("true or false", self.place / key)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        return _texts(self.data.get(key), self.place / key)

    def each(self, key: str, read: Callable[[str], T]) -> tuple[T, ...]:
        return tuple(_converted(read, text, self.place / key / at) for at, text in enumerate(self.texts(key)))

    def mapping(self, key: str, read: Callable[[Any, Place], T]) -> dict[str, T]:
        value = self.data.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise _expected("an object", self.place / key)
        return {name: read(one, self.place / key / name) for name, one in value.items()}


def _texts(value: Any, place: Place) -> tuple[str, ...]:
    """A list of strings; a single string stands for a list of one."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _expected("a list of strings", place)
    return tuple(value)


def _plain(value: Any, place: Place) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if not isinstance(value, str | int):
        raise _expected("a number or a string", place)
    return str(value)


def _interface_address(text: str) -> Prefix:
    address, slash, length = text.partition("/")
    ip = parse_ip(address)
    if slash and not (length.isascii() and length.isdigit()):
        raise ValueError(f"{text!r} has no prefix length such as /24")
    return ip, (parse_prefix(text)[1] if slash else make_prefix(ip, 128)[1])


def _below(top: _Object, key: str, device: str, at: PathPart) -> Place:
    """Where an interface's address stands: in the long form, or in `addresses`."""
    stated = top.data.get(key)
    if isinstance(stated, dict) and device in stated:
        return top.place / key / device / at
    return top.place / "addresses" / at


def _converted(read: Callable[[str], T], text: str, place: Place) -> T:
    try:
        return read(text)
    except ValueError as error:
        message = str(error)
        raise _bad(place, message[0].lower() + message[1:], "write it as ip and iptables do") from None


def _expected(what: str, place: Place) -> InputError:
    return _bad(place, f"expected {what}", "see host facts in the README")


def _bad(place: Place, message: str, hint: str) -> InputError:
    return InputError("bad-host-facts", message, place=place, hint=hint)
