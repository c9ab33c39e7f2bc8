"""The call: what the user asks. Its fields are INTERFACE's call document; reading one names the field that is wrong.

Absent fields are filled by `mesh.complete`, the one place of defaults; UNSET tells "absent" from "null" where null
means something (an authority of null sends no Host header, tls null is plaintext).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

from attrs import asdict, evolve, field, fields, frozen

from ..errors import InputError
from .answer import MOST_BODY_BYTES, MOST_HEADER_BYTES, MOST_HEADERS, Answer
from .conversation import ClientCertificate, ClientTls, ProxyProtocol
from .request import lower_case_headers


class Unset(Enum):
    """The one value UNSET: the field was not given."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET

PROTOCOLS = ("http", "http/1.0", "http/1.1", "http2", "grpc", "tcp", "udp")
DIRECTIONS = ("outbound", "inbound")
MAX_RANDOM_VALUE = (1 << 64) - 1


@frozen
class Call:
    """One call. Header values are a text or a list of texts; addresses are texts `ip:port`."""

    destination: str | None = None
    id: Any = None
    from_: str | None = None
    direction: str = "outbound"
    pod: str | None = None
    source: str | None = None
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()
    mark: int = 0
    transparent: bool = False
    cluster: str | None = None
    protocol: str | None = None
    tls: ClientTls | Unset | None = UNSET
    server_first: bool = False
    payload: str = ""
    proxy_protocol: ProxyProtocol | None = None
    method: str = "GET"
    authority: str | Unset | None = UNSET
    path: str = "/"
    headers: Mapping[str, str | tuple[str, ...]] = field(factory=dict)
    runtime: Mapping[str, Any] = field(factory=dict)
    random_value: int | None = None
    choices: Mapping[str, str] = field(factory=dict)
    answers: Mapping[str, Answer] = field(factory=dict)
    """Site of a filter -> what the service or script behind it answers, which also decides the choice there."""
    resolve: Mapping[str, str] = field(factory=dict)
    """`host:port` or `host` -> address, as curl's --resolve means it."""
    max_time: str | None = None
    """How long the client waits until it hangs up, such as 1.5s; None: for ever."""
    protocol_stated: bool = True
    """Filled on completion: False where the user named no protocol, so that ALPN may decide."""

    @property
    def patience_ms(self) -> float | None:
        """`max_time` in milliseconds."""
        return None if self.max_time is None else float(self.max_time[:-1]) * 1000

    def header_values(self) -> dict[str, tuple[str, ...]]:
        """Lower-case name -> values."""
        return lower_case_headers(self.headers)

    def with_fields(self, **changes: Any) -> Call:
        return evolve(self, **changes)


def read_call(document: object) -> Call:
    """A call document -> Call. InputError names the field and the nearest valid name."""
    if not isinstance(document, Mapping):
        raise InputError("call-not-an-object", "a call is a JSON object", hint='such as {"destination": "10.0.0.5:80"}')
    values: dict[str, Any] = {}
    for name, value in document.items():
        reader = _READERS.get(name)
        if reader is None:
            near = difflib.get_close_matches(str(name), _READERS, 1)
            raise InputError(
                "call-unknown-field",
                f"a call has no field {name!r}",
                hint=f"did you mean {near[0]!r}?" if near else "fields: " + ", ".join(_READERS),
            )
        values["from_" if name == "from" else name] = reader(name, value)
    return Call(**values)


def _wrong(name: str, value: object, wanted: str) -> InputError:
    message = f"call field {name!r} is {_shown(name, value)}, not {wanted}"
    return InputError("call-field-type", message, hint=f"give {wanted}")


_LONGEST_SHOWN = 60
_HALF_A_PAIR = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""What no text holds. U+DC80 to U+DCFF stand for bytes that are no UTF-8, as Python reads them from a command line."""
_MAY_HOLD_SECRETS = ("headers", "path", "payload", "authority", "answers")


def _shown(name: str, value: object) -> str:
    """What stands there, for a message: short, and never what a header or a path could be hiding."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str) and name.split(".")[0] in _MAY_HOLD_SECRETS:
        return "a text"
    try:
        shown = repr(value)
    except ValueError:  # Python writes no integer of thousands of digits
        return "a huge number"
    return shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + "…"


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(name, value, "a text")
    if not value.isascii() and _HALF_A_PAIR.search(value):
        raise InputError(
            "call-field-surrogate", f"call field {name!r} holds half a surrogate pair", hint="write it as UTF-8"
        )
    return value


def _optional_text(name: str, value: object) -> str | None:
    return None if value is None else _text(name, value)


def _boolean(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, value, "true or false")
    return value


def _integer(low: int, high: int) -> Callable[[str, object], int]:
    def read(name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _wrong(name, value, f"an integer from {low} to {high}")
        return value

    return read


_id_number = _integer(0, 0xFFFFFFFF)


def _optional(reader: Callable[[str, object], Any]) -> Callable[[str, object], Any]:
    return lambda name, value: None if value is None else reader(name, value)


def _one_of(options: tuple[str, ...]) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        if value not in options:
            raise _wrong(name, value, "one of " + ", ".join(options))
        return str(value)

    return read


def _list_of(reader: Callable[[str, object], Any]) -> Callable[[str, object], tuple[Any, ...]]:
    def read(name: str, value: object) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise _wrong(name, value, "a list")
        return tuple(reader(name, item) for item in value)

    return read


_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?s", re.ASCII)


def _duration(name: str, value: object) -> str:
    if not isinstance(value, str) or not _SECONDS.fullmatch(value) or not float(value[:-1]):
        raise _wrong(name, value, "seconds of more than 0, such as 1.5s")
    return value


def _headers(name: str, value: object) -> dict[str, str | tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise _wrong(name, value, "an object of header names and values")
    headers: dict[str, str | tuple[str, ...]] = {}
    for header, values in value.items():
        where = f"{name}.{header}"
        if not isinstance(header, str) or not header:
            raise _wrong(name, header, "a header name")
        _text(name, header)
        if isinstance(values, list | tuple):
            headers[header] = tuple(_text(where, item) for item in values)
        else:
            headers[header] = _text(where, values)
    return headers


def _text_map(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise _wrong(name, value, "an object of texts")
    return {_text(name, key): _text(f"{name}.{key}", item) for key, item in value.items()}


def _mapping(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(name, value, "an object")
    return dict(value)


def _object(
    cls: type, readers: Mapping[str, Callable[[str, object], Any]], renamed: Mapping[str, str] | None = None
) -> Callable[[str, object], Any]:
    inside = renamed or {}

    def read(name: str, value: object) -> Any:
        if not isinstance(value, Mapping):
            raise _wrong(name, value, "an object")
        given = {}
        for key, item in value.items():
            if key not in readers:
                raise InputError(
                    "call-unknown-field", f"call field {name!r} has no {key!r}", hint="fields: " + ", ".join(readers)
                )
            given[inside.get(key, key)] = readers[key](f"{name}.{key}", item)
        required = [a.name for a in fields(cls) if a.default is _NOTHING and a.name not in given]
        if required:
            raise InputError("call-field-missing", f"call field {name!r} lacks {', '.join(required)}")
        return cls(**given)

    return read


_NOTHING = fields(ProxyProtocol)[0].default

_certificate_object = _object(
    ClientCertificate,
    {
        "uri_sans": _list_of(_text),
        "dns_sans": _list_of(_text),
        "subject": _text,
        "trusted": _boolean,
        "expired": _boolean,
    },
)


def _certificate(name: str, value: object) -> ClientCertificate:
    if isinstance(value, str):
        return ClientCertificate(uri_sans=(value,))
    certificate: ClientCertificate = _certificate_object(name, value)
    return certificate


TLS_VERSIONS = ("1.0", "1.1", "1.2", "1.3")


def _tls_version(name: str, value: object) -> int:
    return TLS_VERSIONS.index(_one_of(TLS_VERSIONS)(name, value))


_tls_object = _object(
    ClientTls,
    {
        "sni": _optional_text,
        "alpn": _list_of(_text),
        "client_certificate": _optional(_certificate),
        "minimum_version": _tls_version,
        "maximum_version": _tls_version,
        "cipher_suites": _optional(_list_of(_text)),
        "curves": _optional(_list_of(_text)),
    },
    {"minimum_version": "lowest", "maximum_version": "highest"},
)


def _tls(name: str, value: object) -> ClientTls:
    tls: ClientTls = _tls_object(name, value)
    stated = isinstance(value, Mapping) and "minimum_version" in value
    return tls if stated else evolve(tls, lowest=min(tls.lowest, tls.highest))


_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NO_HEADER_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def _answer_headers(name: str, value: object) -> dict[str, str | tuple[str, ...]]:
    """Only what a service could send: unlike a client it is not there to break the proxy's rules."""
    headers = _headers(name, value)
    lines = [(header, each) for header, item in headers.items() for each in ([item] if isinstance(item, str) else item)]
    for header, text in lines:
        if not _HEADER_NAME.fullmatch(header):
            raise _wrong(name, header, "a header name")
        if _NO_HEADER_VALUE.search(text):
            raise _wrong(f"{name}.{header}", text, "a header value without line breaks and control characters")
    if () in headers.values():
        raise _wrong(name, value, "an object of header names and values, each with at least one value")
    if len(lines) > MOST_HEADERS:
        raise _wrong(name, value, f"at most {MOST_HEADERS} headers")
    if sum(len(part.encode("utf-8", "surrogateescape")) for line in lines for part in line) > MOST_HEADER_BYTES:
        raise _wrong(name, value, f"headers of at most {MOST_HEADER_BYTES} bytes")
    return headers


def _answer_body(name: str, value: object) -> str:
    text = _text(name, value)
    if len(text.encode("utf-8", "surrogateescape")) > MOST_BODY_BYTES:
        raise _wrong(name, value, f"a body of at most {MOST_BODY_BYTES} bytes")
    return text


_answer_object = _object(Answer, {"status": _integer(200, 599), "headers": _answer_headers, "body": _answer_body})


def _answers(name: str, value: object) -> dict[str, Answer]:
    if not isinstance(value, Mapping):
        raise _wrong(name, value, "an object of sites and what is answered there")
    return {_text(name, site): _answer(f"{name}.{site}", item) for site, item in value.items()}


def _answer(name: str, value: object) -> Answer:
    made: Answer = _answer_object(name, asdict(value) if isinstance(value, Answer) else value)
    return made


_READERS: dict[str, Callable[[str, object], Any]] = {
    "id": lambda _name, value: value,
    "from": _optional_text,
    "direction": _one_of(DIRECTIONS),
    "pod": _optional_text,
    "source": _optional_text,
    "uid": _optional(_id_number),
    "gid": _optional(_id_number),
    "groups": _list_of(_id_number),
    "mark": _id_number,
    "transparent": _boolean,
    "destination": _optional_text,
    "protocol": _optional(_one_of(PROTOCOLS)),
    "tls": _optional(_tls),
    "server_first": _boolean,
    "payload": _text,
    "proxy_protocol": _optional(_object(ProxyProtocol, {"source": _text, "destination": _text})),
    "method": _text,
    "authority": _optional_text,
    "path": _text,
    "headers": _headers,
    "runtime": _mapping,
    "random_value": _optional(_integer(0, MAX_RANDOM_VALUE)),
    "choices": _text_map,
    "answers": _answers,
    "resolve": _text_map,
    "cluster": _optional_text,
    "max_time": _optional(_duration),
}


_CHECKED = tuple(
    (name, "from_" if name == "from" else name, reader)
    for name, reader in _READERS.items()
    if name not in ("id", "tls", "proxy_protocol", "authority", "cluster")
)


def check_call(call: object) -> None:
    """InputError where a call made in Python holds what no call document could."""
    if not isinstance(call, Call):
        raise InputError(
            "not-a-call", f"{type(call).__name__} is no Call", hint="such as meshsim.Call(destination='10.0.0.5:80')"
        )
    for name, attribute, reader in _CHECKED:
        reader(name, getattr(call, attribute))
    if call.authority is not UNSET:
        _optional_text("authority", call.authority)
    for name, value, wanted in (("tls", call.tls, ClientTls), ("proxy_protocol", call.proxy_protocol, ProxyProtocol)):
        if not isinstance(value, wanted | Unset | None):
            raise _wrong(name, value, f"a {wanted.__name__}")
