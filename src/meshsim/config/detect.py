"""What a text is, told from its content and never from its name; what cannot be read is refused by name.

One table for what a JSON or YAML document may be, one for plain texts: the first row that recognises it decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from attrs import frozen

from ..errors import InputError, Unsupported
from ..place import Place
from .bootstrap import find_bootstrap
from .cluster_statuses import find_cluster_statuses
from .documents import Document, Kind, SourceText
from .dumps import find_dumps, old_api, old_resource
from .ip_json import looks_like_addresses, looks_like_routes
from .ip_json import looks_like_rules as looks_like_ip_rules
from .json_text import looks_like_json, parse_json
from .passwd import looks_like_groups, looks_like_users
from .resources import find_resources
from .socket_list import looks_like_sockets
from .sysctl_text import looks_like_sysctls
from .yaml_text import as_one_list, parse_yaml

READABLE = (
    "an Envoy /config_dump, bootstrap, resource or /clusters?format=json (JSON or YAML), what istioctl proxy-config -o "
    "json prints, the text of iptables-save or ip6tables-save, what nft -j list ruleset, ipset save, ip -j, "
    "ss -Hltunpe or sysctl print, /etc/passwd, /etc/group, or host facts (YAML)"
)

_DUMP_HINT = "give the proxy's whole dump: pilot-agent request GET 'config_dump?include_eds'"


def recognise(source: SourceText) -> Document:
    """Parse a text and tell its kind. InputError or Unsupported where that cannot be."""
    text = source.text()
    if looks_like_json(text):
        data = parse_json(text, source.name)
    else:
        for kind, tell in _TEXT_KINDS:
            if tell(text):
                return Document(source.name, kind, None, source)
        _refuse_known_text(source.name, text)
        data = _yaml(source.name, text)
    kind = _kind_of(source.name, data)
    source.let_go()
    return Document(source.name, kind, data, source)


_RULE_LINE = re.compile(
    r"^(?:\*(?:raw|mangle|nat|filter|security)\s*$|:[^\s:]+ (?:ACCEPT|DROP|-)(?: \[|\s*$)|(?:\[\d+:\d+\] )?-[APN] \S)",
    re.MULTILINE,
)


def looks_like_rules(text: str) -> bool:
    """Whether some line reads as iptables-save, or `iptables -S`, prints it."""
    return _RULE_LINE.search(text) is not None


def _yaml(name: str, text: str) -> Any:
    try:
        documents = parse_yaml(text, name)
    except InputError:
        if _YAML_START.search(text) is None:
            raise _no_kind(name) from None
        raise
    if len(documents) == 1:
        return documents[0]
    filled = [document for document in documents if document is not None]
    if len(filled) == 1:
        return filled[0]
    if not filled:
        raise _no_kind(name)
    kinds = {_kind_of(name, document) for document in filled}
    if kinds <= {Kind.CONFIG_DUMP, Kind.RESOURCES} and len(kinds) == 1:
        return as_one_list(filled)
    raise InputError(
        "several-documents",
        f"the file holds {len(filled)} YAML documents",
        place=Place(name),
        hint="one file may hold several dumps, or several resources; give each of the others its own file",
    )


_YAML_START = re.compile(r"""^(?:---|-\s|["']?[A-Za-z_@][\w.@/-]*["']?\s*:(?:\s|$))""", re.MULTILINE)


@frozen
class _Known:
    """A kind of input: how to tell it, and what to say where it is not read."""

    what: str
    tell: Callable[[Any], bool]
    reference: str = "not-read-yet"
    says: str = "is not read yet"
    hint: str = _DUMP_HINT


def _kind_of(name: str, data: Any) -> Kind:
    dumps = find_dumps(data)
    if dumps:
        for dump in dumps:
            old = old_api(dump)
            if old is not None:
                raise _too_old(Place(name, old), "this dump uses")
        return Kind.CONFIG_DUMP
    if isinstance(data, dict) and data.get("kind") == "HostFacts" and "apiVersion" not in data:
        return Kind.HOST_FACTS
    if isinstance(data, dict) and isinstance(data.get("nftables"), list):
        return Kind.NFTABLES
    for known in _OBJECTS if isinstance(data, dict) else _LISTS if isinstance(data, list) else ():
        if known.tell(data):
            raise Unsupported(known.reference, f"{known.what} {known.says}", place=Place(name), hint=known.hint)
    for kind, tell in _DATA_KINDS:
        if tell(data):
            return kind
    if _is_go_json(data):
        raise Unsupported(
            "not-protobuf-json",
            "xDS as Go prints its structures is not read",
            place=Place(name),
            note="the fields of oneofs have other names there than in protobuf's JSON",
            hint=_DUMP_HINT,
        )
    found = find_resources(data)
    if found is None:
        raise _no_kind(name)
    for _section, path, resource in found.resources:
        old = old_resource(resource)
        if old is not None:
            raise _too_old(Place(name, (*path, *old)), "these resources use")
    return Kind.RESOURCES


def _too_old(place: Place, what: str) -> Unsupported:
    return Unsupported(
        "old-xds-api",
        f"{what} Envoy's v2 API, which meshsim does not read",
        place=place,
        note="Envoy dropped it in 1.18 and Istio in 1.8",
        hint="take the dump from a proxy of Istio 1.8 or later",
    )


def _no_kind(name: str) -> InputError:
    return InputError(
        "unknown-kind", "the file fits no kind of input that meshsim knows", place=Place(name), hint=f"give {READABLE}"
    )


def _refuse_known_text(name: str, text: str) -> None:
    for known in _TEXTS:
        if known.tell(text):
            raise Unsupported(known.reference, f"{known.what} {known.says}", place=Place(name), hint=known.hint)


def _has(*keys: str) -> Callable[[Any], bool]:
    """All of the keys, in either spelling separated by `|`."""
    wanted = [frozenset(key.split("|")) for key in keys]
    return lambda data: all(not names.isdisjoint(data) for names in wanted)


def _items(*keys: str) -> Callable[[Any], bool]:
    """A list whose first item is an object with all of the keys."""
    tell = _has(*keys)
    return lambda data: bool(data) and isinstance(data[0], dict) and tell(data[0])


def _text(pattern: str) -> Callable[[Any], bool]:
    compiled = re.compile(pattern, re.MULTILINE)
    return lambda text: compiled.search(text) is not None


_GO_FIELDS = frozenset(("LbConfig", "HostIdentifier", "ConfigSourceSpecifier", "PathSpecifier", "SocketAddress"))
_GO_LOOKED_AT = 5000


def _is_go_json(data: Any) -> bool:
    """Whether oneofs stand under the names of Go's structures, which protobuf's JSON never prints."""
    queue = [data]
    for value in queue:
        if isinstance(value, dict):
            if not _GO_FIELDS.isdisjoint(value):
                return True
            value = value.values()
        elif not isinstance(value, list):
            continue
        if len(queue) < _GO_LOOKED_AT:
            queue.extend(below for below in value if isinstance(below, dict | list))
    return False


_JSON_HINT = "take it as JSON: "
_CALL_HINT = "give calls to --batch, configuration to -c"

_OBJECTS = (
    _Known(
        "a ztunnel dump",
        _has("workloads", "services", "policies|certificates"),
        "ztunnel",
        "is not Envoy configuration and is not read",
        "ambient mode is not modelled; give the config_dump of a sidecar, gateway or waypoint",
    ),
    _Known(
        "a Kubernetes or Istio manifest",
        _has("apiVersion", "kind"),
        says="is not supported yet",
        hint="give what the proxy was made of it: its config_dump",
    ),
    _Known(
        "a Kuma manifest",
        lambda data: (
            isinstance(data.get("type"), str) and (data["type"] == "Mesh" or bool({"mesh", "spec"} & set(data)))
        ),
        says="is not supported yet",
        hint="give what the proxy was made of it: its config_dump",
    ),
    _Known("Envoy's /listeners output", _has("listener_statuses|listenerStatuses")),
    _Known("Envoy's /stats output", _has("stats")),
    _Known("a scenario suite", _has("meshsim"), hint="configuration goes to -c"),
    _Known("a call document", _has("destination"), "not-configuration", "is no configuration", _CALL_HINT),
    _Known("a trace document", _has("outcome", "hops"), "not-configuration", "is no configuration", _CALL_HINT),
)

_LISTS = (_Known("a Kubernetes or Istio manifest", _items("apiVersion", "kind"), says="is not supported yet"),)

_DATA_KINDS: tuple[tuple[Kind, Callable[[Any], bool]], ...] = (
    (Kind.CLUSTER_STATUSES, lambda data: find_cluster_statuses(data) is not None),
    (Kind.BOOTSTRAP, lambda data: find_bootstrap(data) is not None),
    (Kind.ADDRESSES, looks_like_addresses),
    (Kind.ROUTES, looks_like_routes),
    (Kind.RULES, looks_like_ip_rules),
)
"""What JSON and YAML may be beside dumps and resources."""

_TEXT_KINDS: tuple[tuple[Kind, Callable[[str], bool]], ...] = (
    (Kind.IPSETS, _text(r"\A\s*create \S+ (?:hash|bitmap|list):")),
    (Kind.IPTABLES, looks_like_rules),
    (Kind.USERS, looks_like_users),
    (Kind.GROUPS, looks_like_groups),
    (Kind.SOCKETS, looks_like_sockets),
    (Kind.SYSCTLS, looks_like_sysctls),
)

_TEXTS = (
    _Known("an HTML page", _text(r"\A\s*<(?:!DOCTYPE|html)"), "not-configuration", "is no configuration"),
    _Known(
        "the output of nft",
        _text(r"^table (?:ip|ip6|inet) \S+ \{"),
        hint="give its JSON (nft -j list ruleset), or the text of iptables-save",
    ),
    _Known(
        "Envoy's /clusters as plain text",
        _text(r"^\S.*::[\d.:\[\]a-f]+::(?:cx|rq)_\w+::\d"),
        hint=_JSON_HINT + "pilot-agent request GET 'clusters?format=json'",
    ),
    _Known("the output of ip addr", _text(r"^\d+: \S+: <[A-Z,_-]+> mtu "), hint=_JSON_HINT + "ip -j addr"),
    _Known(
        "the output of ip route",
        _text(r"\A\s*(?:default via|[\d.]+(?:/\d+)? dev) "),
        hint=_JSON_HINT + "ip -j route show table all",
    ),
    _Known("the output of ip rule", _text(r"\A\s*0:\s+from all lookup local"), hint=_JSON_HINT + "ip -j rule"),
    _Known(
        "Envoy's admin help",
        _text(r"^admin commands are:"),
        "not-configuration",
        "is no configuration",
        "the path was wrong; " + _DUMP_HINT,
    ),
)
