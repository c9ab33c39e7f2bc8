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
from .documents import Document, Kind, SourceText
from .dumps import find_dumps, old_api
from .json_text import looks_like_json, parse_json
from .yaml_text import parse_yaml

READABLE = (
    "an Envoy /config_dump (JSON or YAML), the text of iptables-save or ip6tables-save, nft -j list ruleset, "
    "or host facts (YAML)"
)

_DUMP_HINT = "give the proxy's whole dump: pilot-agent request GET 'config_dump?include_eds'"


def recognise(source: SourceText) -> Document:
    """Parse a text and tell its kind. InputError or Unsupported where that cannot be."""
    text = source.text()
    if looks_like_json(text):
        data = parse_json(text, source.name)
    elif looks_like_rules(text):
        return Document(source.name, Kind.IPTABLES, None, source)
    else:
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
    for document in filled:
        _kind_of(name, document)
    raise InputError(
        "several-documents",
        f"the file holds {len(filled)} YAML documents",
        place=Place(name),
        hint="give each document its own file",
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
                raise Unsupported(
                    "old-xds-api",
                    "this dump uses Envoy's v2 API, which meshsim does not read",
                    place=Place(name, old),
                    note="Envoy dropped it in 1.18 and Istio in 1.8",
                    hint="take the dump from a proxy of Istio 1.8 or later",
                )
        return Kind.CONFIG_DUMP
    if isinstance(data, dict) and data.get("kind") == "HostFacts" and "apiVersion" not in data:
        return Kind.HOST_FACTS
    if isinstance(data, dict) and isinstance(data.get("nftables"), list):
        return Kind.NFTABLES
    for known in _OBJECTS if isinstance(data, dict) else _LISTS if isinstance(data, list) else ():
        if known.tell(data):
            raise Unsupported(known.reference, f"{known.what} {known.says}", place=Place(name), hint=known.hint)
    raise _no_kind(name)


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


def _is_kuma(data: Any) -> bool:
    inner = data.get("xds")
    return isinstance(inner, dict) and any(str(key).startswith("type.googleapis.com/") for key in inner)


_LISTENER = ("filter_chains|filterChains|default_filter_chain|defaultFilterChain|listener_filters|listenerFilters",)
_ROUTES = ("virtual_hosts|virtualHosts",)
_CLUSTER = (
    "name",
    "connect_timeout|connectTimeout|load_assignment|loadAssignment|lb_policy|lbPolicy|type|eds_cluster_config|edsClusterConfig",
)
_IP_HINT = "state the pod's addresses in host facts (kind: HostFacts)"
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
    _Known("Envoy's /clusters output", _has("cluster_statuses|clusterStatuses")),
    _Known("Envoy's /listeners output", _has("listener_statuses|listenerStatuses")),
    _Known("Envoy's /stats output", _has("stats")),
    _Known("the bootstrap that istioctl prints", _has("bootstrap")),
    _Known("an Envoy bootstrap", _has("static_resources|staticResources|dynamic_resources|dynamicResources")),
    _Known("Kuma's xDS (`xds` by type URL)", _is_kuma),
    _Known("a scenario suite", _has("meshsim"), hint="configuration goes to -c"),
    _Known("a call document", _has("destination"), "not-configuration", "is no configuration", _CALL_HINT),
    _Known("a trace document", _has("outcome", "hops"), "not-configuration", "is no configuration", _CALL_HINT),
    _Known("a bare RouteConfiguration", _has(*_ROUTES)),
    _Known("a bare Listener", _has(*_LISTENER)),
    _Known("a bare Cluster", _has(*_CLUSTER)),
    _Known("a bare ClusterLoadAssignment", _has("cluster_name|clusterName", "endpoints")),
)

_LISTS = (
    _Known("a list of endpoints, as istioctl prints it,", _items("cluster_name|clusterName", "endpoints")),
    _Known("a list of endpoints, as istioctl prints it,", _items("host_statuses|hostStatuses")),
    _Known("a list of routes, as istioctl prints it,", _items(*_ROUTES)),
    _Known("a list of listeners, as istioctl prints it,", _items(*_LISTENER)),
    _Known("a list of secrets, as istioctl prints it,", _items("name", "secret|validation_context|tls_certificate")),
    _Known("the output of ip -j addr", _items("ifname", "addr_info|link_type"), hint=_IP_HINT),
    _Known("the output of ip -j route", _items("dst", "dev|type"), hint=_IP_HINT),
    _Known("the output of ip -j rule", _items("priority", "table"), hint=_IP_HINT),
    _Known("a list of clusters, as istioctl prints it,", _items(*_CLUSTER)),
    _Known("a Kubernetes or Istio manifest", _items("apiVersion", "kind"), says="is not supported yet"),
)

_TEXTS = (
    _Known("an HTML page", _text(r"\A\s*<(?:!DOCTYPE|html)"), "not-configuration", "is no configuration"),
    _Known(
        "the output of nft",
        _text(r"^table (?:ip|ip6|inet) \S+ \{"),
        hint="give its JSON (nft -j list ruleset), or the text of iptables-save",
    ),
    _Known("the output of ipset save", _text(r"\A\s*create \S+ (?:hash|bitmap|list):"), hint=f"give {READABLE}"),
    _Known(
        "the output of sysctl", _text(r"\A\s*(?:net|kernel|vm|fs)\.[\w.-]+ = "), hint="name it in host facts, sysctls"
    ),
    _Known(
        "the output of ss", _text(r"^(?:tcp|udp)?\s*LISTEN\s+\d+\s+\d+\s+\S+:\d+"), hint="state sockets in host facts"
    ),
    _Known("the output of ip addr", _text(r"^\d+: \S+: <[A-Z,_-]+> mtu "), hint=_IP_HINT),
    _Known("the output of ip route", _text(r"\A\s*(?:default via|[\d.]+(?:/\d+)? dev) "), hint=_IP_HINT),
    _Known(
        "Envoy's admin help",
        _text(r"^admin commands are:"),
        "not-configuration",
        "is no configuration",
        "the path was wrong; " + _DUMP_HINT,
    ),
)
