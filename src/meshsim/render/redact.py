"""Secrets never leave meshsim unless asked: what counts as one, and what is written in its place.

Every serialiser and renderer passes what it writes through one Redactor. Headers and query parameters are judged by
name; their values, once known to be secret, are also hidden where they turn up in sentences, checks and bodies.
Names of resources are left alone, so that a short secret cannot garble them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from attrs import define, field

from ..report import Report

SHORTEST_SOUGHT = 6
"""Shorter secrets are hidden in their own place only; sought elsewhere they would hit unrelated text."""

_ANYWHERE = re.compile(
    r"authorization|passw|passphrase|secret|token|cookie|credential|signature|jwt"
    r"|(api|access|private|shared|account)[-_.]?key|session[-_.]?id"
)
_AS_A_WORD = re.compile(r"(?:^|[^a-z0-9])(?:key|pwd|pass|sig|auth|bearer|session|sessid|sid)(?:$|[^a-z0-9])")
_HARMLESS = frozenset({"sec-websocket-key", "x-forwarded-client-cert", "idempotency-key", "www-authenticate"})
_PATTERNS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),
    re.compile(r"(?<=\b[Bb]earer )[A-Za-z0-9._~+/=-]{6,}"),
    re.compile(r"(?<=\b[Bb]asic )[A-Za-z0-9+/=]{6,}"),
)
"""Secrets that show by their shape: private keys, JSON web tokens, credentials behind their scheme."""


_PARAMETER = re.compile(r"(?<=[?&;#])([^=&?#;\s]+)=([^&#;\s]+)")
"""A parameter of a query, a fragment or a path segment, within running text."""
_FIELD_LINE = re.compile(r"(?m)^([A-Za-z0-9_-]+)(:[ \t]*)([^\r\n]+)")
"""A header within raw bytes."""
_COMMAND = re.compile(r"(?mi)(?<=^AUTH )[^\r\n]+|(?<=^PASS )[^\r\n]+")
"""What follows AUTH (redis, SMTP) and PASS (FTP, POP3) within raw bytes."""


def is_secret_name(name: str) -> bool:
    """Whether a header, cookie or query parameter of this name holds a secret."""
    lowered = name.lower()
    if lowered in _HARMLESS:
        return False
    return _ANYWHERE.search(lowered) is not None or _AS_A_WORD.search(lowered) is not None


def is_secret_question(name: str) -> bool:
    """The same for what a check asks about: `header x-api-key`; plain fields have innocent names such as `key`."""
    for kind in ("header ", "query parameter "):
        if name.startswith(kind):
            return is_secret_name(name.removeprefix(kind))
    return _ANYWHERE.search(name.lower()) is not None


def mask(secret: str) -> str:
    """The same secret always becomes the same mark, so that two traces can be compared."""
    return f"[redacted:{hashlib.sha256(secret.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}]"


def is_masked(value: object) -> bool:
    """Whether a text is what `mask` wrote."""
    return isinstance(value, str) and value.startswith("[redacted:")


@define(eq=False)
class Redactor:
    """Knows the secrets of one report. `active=False` (--show-secrets) lets everything through."""

    active: bool
    _sought: tuple[str, ...] = field(default=(), init=False)

    @classmethod
    def of(cls, report: Report, *, show_secrets: bool) -> Redactor:
        """A redactor that also finds this report's header and query secrets in running text."""
        redactor = cls(active=not show_secrets)
        if not show_secrets:
            found = {secret for secret in _secrets(report) if len(secret) >= SHORTEST_SOUGHT}
            redactor._sought = tuple(sorted(found, key=lambda secret: (-len(secret), secret)))
        return redactor

    def header(self, name: str, value: str) -> str:
        """One value of one header (or query parameter)."""
        if not self.active or not value:
            return value
        return mask(value) if is_secret_name(name) else self.text(value)

    def authority(self, text: str) -> str:
        """A Host header: what stands before an @ are credentials."""
        credentials, at, host = text.rpartition("@")
        return f"{mask(credentials)}@{host}" if self.active and at and credentials else text

    def target(self, text: str) -> str:
        """A path or URL: the secret parameters of its query, and the credentials before its host."""
        if not self.active:
            return text
        text = re.sub(r"(?<=://)[^/?#@\s]+(?=@)", lambda match: mask(match[0]), text)
        return _PARAMETER.sub(_masked_parameter, text)

    def payload(self, text: str) -> str:
        """Raw bytes: header lines and logins too."""
        if not self.active:
            return text
        text = _FIELD_LINE.sub(lambda line: line[1] + line[2] + self.header(line[1], line[3]), text)
        return self.text(_COMMAND.sub(lambda match: mask(match[0]), text))

    def named(self, name: str, value: Any) -> Any:
        """A value by its own name, such as a runtime key's."""
        if not self.active:
            return value
        return mask(value) if isinstance(value, str) and value and is_secret_name(name) else self.value(value)

    def text(self, text: str) -> str:
        """Running text: known secrets and what looks like one."""
        if not self.active:
            return text
        for secret in self._sought:
            if secret in text:
                text = text.replace(secret, mask(secret))
        for pattern in _PATTERNS:
            text = pattern.sub(lambda match: match[0] if is_masked(match[0]) else mask(match[0]), text)
        return self.target(text)

    def value(self, value: Any, name: str = "") -> Any:
        """Any JSON-safe value; everything below a secret name is hidden."""
        if not self.active:
            return value
        if isinstance(value, str):
            return mask(value) if value and is_secret_question(name) else self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(item, f"{name}.{key}" if name else str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item, name) for item in value]
        return value


def _masked_parameter(match: re.Match[str]) -> str:
    name, value = match[1], match[2]
    if is_masked(value) or not is_secret_name(unquote(name)):
        return match[0]
    return f"{name}={mask(value)}"


def _secrets(report: Report) -> Iterable[str]:
    """The secret values the call and its hops carry."""
    call = report.call
    yield from _of_headers(call.header_values())
    yield from _of_target(call.path)
    for answer in call.answers.values():
        yield from _of_headers(answer.header_values())
    if isinstance(call.authority, str):
        yield from _of_authority(call.authority)
    yield from _of_headers(report.outcome.response_headers)
    yield from _of_target(report.outcome.location or "")
    for hop in report.hops:
        if hop.internal_redirect is not None:
            location = hop.internal_redirect.location or ""
            yield from _of_target(location)
            yield from _of_authority(location.partition("://")[2].partition("/")[0])
        if hop.upstream is not None:
            yield from _of_headers(hop.upstream.headers or {})
            yield from _of_target(hop.upstream.path or "")
            yield from _of_authority(hop.upstream.authority or "")


def _of_headers(headers: Mapping[str, tuple[str | None, ...]]) -> Iterable[str]:
    for name, values in headers.items():
        for value in values or ():
            if value and is_secret_name(name):
                yield value
                yield from _parts(name, value)
            elif value and "?" in value:
                yield from _of_target(value)


def _parts(name: str, value: str) -> Iterable[str]:
    """What may be compared or copied on its own: each cookie's value, the credential behind its scheme."""
    if name == "cookie":
        yield from (pair.partition("=")[2].strip() for pair in value.split(";"))
    elif name == "set-cookie":
        yield value.partition(";")[0].partition("=")[2].strip()
    elif " " in value:
        yield value.partition(" ")[2].strip()


def _of_authority(authority: str) -> Iterable[str]:
    credentials, at, _host = authority.rpartition("@")
    if at:
        yield credentials
        yield credentials.partition(":")[2]


def _of_target(target: str) -> Iterable[str]:
    for match in _PARAMETER.finditer(target):
        if is_secret_name(unquote(match[1])):
            yield match[2]
            yield unquote(match[2])
