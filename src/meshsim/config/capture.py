"""From `[POD=]PATH` arguments to pods with their documents: which file belongs to which pod.

A folder is a capture with a subfolder a pod; loose files are one pod while they hold at most one proxy. What a
file is, `detect` tells; what it means, nobody here asks, save a proxy's node id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from attrs import define, evolve, field, frozen

from ..errors import InputError, MeshsimError
from ..place import Place
from .bootstrap import read_bootstrap
from .cluster_statuses import read_cluster_statuses
from .config_dump import ProxyDocument, read_config_dumps
from .detect import recognise
from .documents import STDIN, Document, Kind, Library, exists, is_folder, list_folder
from .host_facts import HostFacts, read_host_facts
from .ip_json import read_addresses, read_routes, read_rules
from .passwd import read_ids
from .resources import read_resources
from .rules_text import rules_by_family
from .socket_list import read_sockets
from .sysctl_text import read_sysctls

DEFAULT_POD = "pod"
"""The name of the only pod when no input names it."""


class RulesText(NamedTuple):
    """The text of a pod's saved rules, still unread, and the name of the document it came from."""

    name: str
    text: str


@frozen(eq=False)
class PodDocuments:
    """What the inputs say about one pod."""

    name: str
    proxy: ProxyDocument | None = None
    rules_v4: RulesText | None = None
    rules_v6: RulesText | None = None
    nftables: Document | None = None
    """The pod's nftables rules, of both families."""
    sets: RulesText | None = None
    """What `ipset save` printed, for rules that ask a set."""
    users: Mapping[str, int] = field(factory=dict)
    """Name -> uid, from /etc/passwd, for rules that name an owner."""
    groups: Mapping[str, int] = field(factory=dict)
    """Name -> gid, from /etc/group."""
    host: HostFacts | None = None
    """What the user states about it."""
    printed: HostFacts | None = None
    """What `ip`, `ss` and `sysctl` printed in it."""
    documents: tuple[Document, ...] = ()
    aliases: tuple[str, ...] = ()
    """Other names it goes by: NAME.NAMESPACE and NAME of its node id, the pod its host facts name."""

    @property
    def node_id(self) -> str:
        return self.proxy.node_id if self.proxy is not None else ""

    @property
    def facts(self) -> HostFacts | None:
        """Everything known about the host: what is stated before what was printed."""
        if self.host is None or self.printed is None:
            return self.host or self.printed
        return self.host.over(self.printed)


@define(eq=False)
class _Piece:
    """One thing a document says about one pod."""

    document: Document
    proxy: ProxyDocument | None = None
    host: HostFacts | None = None
    printed: HostFacts | None = None
    rules: tuple[tuple[str, str], ...] = ()
    """(family, text)."""
    nftables: Document | None = None
    sets: RulesText | None = None
    users: Mapping[str, int] = field(factory=dict)
    groups: Mapping[str, int] = field(factory=dict)
    wrapper: str = ""
    """Under which key its dump stands, where one document wraps several."""

    @property
    def owner(self) -> str:
        """What it says itself about whose it is; "" for nothing."""
        if self.proxy is not None:
            return self.proxy.node_id or self.wrapper
        return self.host.pod if self.host is not None else ""


@define(eq=False)
class _Loading:
    library: Library
    pods: dict[str, PodDocuments] = field(factory=dict)
    loose: list[_Piece] = field(factory=list)


def load_capture(arguments: Sequence[str], library: Library | None = None) -> tuple[PodDocuments, ...]:
    """Read every argument, a file, a folder or `-`, each with `POD=` before it or not; pods in order of appearance.

    InputError or Unsupported name the file, the place and the remedy. `library` keeps the texts for line numbers.
    """
    loading = _Loading(library if library is not None else Library())
    for argument in arguments:
        _read_argument(loading, argument)
    _place_loose(loading)
    return tuple(loading.pods.values())


_NAMED = re.compile(r"([A-Za-z0-9][\w.-]*)=(.+)", re.DOTALL)


def _read_argument(loading: _Loading, argument: str) -> None:
    named = _NAMED.fullmatch(argument)
    if named is not None and not exists(argument):
        pod, path = named.groups()
    else:
        pod, path = "", argument
    if not path:
        raise InputError("no-path", "-c with an empty path", hint="give a file, a folder, or - for standard input")
    if path == STDIN or not is_folder(path):
        _take(loading, pod, _pieces(loading.library, path, "standard input" if path == STDIN else path))
        return
    try:
        _read_folder(loading, pod, path)
    except MeshsimError as error:
        # places inside a capture are named from its folder on; the reader of a message must find the folder too
        error.note = error.note or f"in the folder {path}"
        raise


def _read_folder(loading: _Loading, pod: str, path: str) -> None:
    """A capture: its loose files, and a subfolder a pod."""
    root = Path(path)
    files, folders = list_folder(root, path)
    if not files and not folders:
        raise InputError("empty-folder", "the folder is empty", place=Place(path), hint="copy the pod's files into it")
    if pod and folders:
        raise InputError(
            "which-pod",
            f"{pod}= names one pod, but the folder holds subfolders",
            place=Place(path),
            hint=f"leave {pod}= out, or name the pod's own folder",
        )
    _take(loading, pod, _pieces_of_files(loading.library, root, files))
    for folder in folders:
        inside, deeper = list_folder(folder, f"{path}/{folder.name}")
        if deeper:
            raise InputError(
                "nested-folder",
                "a capture has one level of subfolders, one for each pod",
                place=Place(f"{folder.name}/{deeper[0].name}"),
                hint="move the pod's files into the pod's folder, and others away",
            )
        _take(loading, folder.name, _pieces_of_files(loading.library, root, inside))


_IGNORED = re.compile(r"readme(\.\w+)?|license(\.\w+)?|.*~", re.IGNORECASE)


def _pieces_of_files(library: Library, root: Path, files: Iterable[Path]) -> list[_Piece]:
    pieces = []
    for path in files:
        if _IGNORED.fullmatch(path.name) is None:
            name = path.relative_to(root).as_posix()
            pieces.extend(_pieces(library, path, name, f"{root.name}/{name}"))
    return pieces


_PARTIAL_PROXIES = {
    Kind.BOOTSTRAP: read_bootstrap,
    Kind.RESOURCES: read_resources,
    Kind.CLUSTER_STATUSES: read_cluster_statuses,
}
_PRINTED = {
    Kind.ADDRESSES: read_addresses,
    Kind.ROUTES: read_routes,
    Kind.RULES: read_rules,
    Kind.SOCKETS: read_sockets,
    Kind.SYSCTLS: read_sysctls,
}


def _pieces(library: Library, path: str | Path, *names: str) -> list[_Piece]:
    document = recognise(library.read(path, *names))
    if document.kind is Kind.HOST_FACTS:
        return [_Piece(document, host=read_host_facts(document))]
    if document.kind is Kind.IPTABLES:
        return [_Piece(document, rules=rules_by_family(document.source.text()))]
    if document.kind in _PRINTED:
        return [_Piece(document, printed=_PRINTED[document.kind](document))]
    if document.kind in _PARTIAL_PROXIES:
        return [_Piece(document, proxy=_PARTIAL_PROXIES[document.kind](document))]
    if document.kind is Kind.USERS:
        return [_Piece(document, users=read_ids(document.source.text()))]
    if document.kind is Kind.GROUPS:
        return [_Piece(document, groups=read_ids(document.source.text()))]
    if document.kind is Kind.IPSETS:
        return [_Piece(document, sets=RulesText(document.name, document.source.text()))]
    if document.kind is Kind.NFTABLES:
        return [_Piece(document, nftables=document)]
    proxies = read_config_dumps(document)
    return [_Piece(document, proxy=proxy, wrapper=proxy.wrapper if len(proxies) > 1 else "") for proxy in proxies]


def _take(loading: _Loading, pod: str, pieces: list[_Piece]) -> None:
    """Pieces of a named pod go to it, others wait until everything is read."""
    if not pod:
        loading.loose.extend(pieces)
    for piece in pieces if pod else ():
        _add(loading, pod, piece)


def _add(loading: _Loading, pod: str, piece: _Piece) -> None:
    known = loading.pods.get(pod) or PodDocuments(pod)
    rules = {family: RulesText(piece.document.name, text) for family, text in piece.rules}
    proxy = piece.proxy if known.proxy is None or piece.proxy is None else known.proxy.overlaid(piece.proxy)
    host = piece.host or known.host
    printed = known.printed.joined(piece.printed) if known.printed and piece.printed else piece.printed or known.printed
    node = proxy.node_id if proxy is not None else known.node_id
    aliases = (*known.aliases, *_names_of(node), host.pod if host is not None else "")
    loading.pods[pod] = evolve(
        known,
        proxy=proxy or known.proxy,
        rules_v4=rules.get("v4", known.rules_v4),
        rules_v6=rules.get("v6", known.rules_v6),
        nftables=piece.nftables or known.nftables,
        sets=piece.sets or known.sets,
        users={**known.users, **piece.users},
        groups={**known.groups, **piece.groups},
        host=host,
        printed=printed,
        documents=(*known.documents, piece.document) if piece.document not in known.documents else known.documents,
        aliases=tuple(name for name in dict.fromkeys(aliases) if name not in ("", pod, node)),
    )


def _place_loose(loading: _Loading) -> None:
    """Give each loose piece its pod: by what it says itself, else the only pod there is."""
    alone = not loading.pods
    for owner in dict.fromkeys(piece.owner for piece in loading.loose if piece.proxy is not None and piece.owner):
        if _pod_named(loading, owner) is None:
            names = _names_of(owner)
            name = _fresh(loading, names[0])
            loading.pods[name] = PodDocuments(name, aliases=(owner, *names[1:]))
    hosts = dict.fromkeys(piece.owner for piece in loading.loose if piece.host is not None and piece.owner)
    strangers = [owner for owner in hosts if _pod_named(loading, owner) is None]
    for owner in strangers:
        if alone and len(strangers) == 1 and len(loading.pods) == 1:
            # Loose files with one proxy are one pod, by whatever name its host facts call it.
            name, pod = next(iter(loading.pods.items()))
            loading.pods[name] = evolve(pod, aliases=(*pod.aliases, owner))
        else:
            loading.pods[owner] = PodDocuments(owner)
    for piece in loading.loose:
        _add(loading, _pod_named(loading, piece.owner) or _only_pod(loading, piece), piece)


def _only_pod(loading: _Loading, piece: _Piece) -> str:
    if len(loading.pods) > 1:
        what = next(
            (
                word
                for word, part in (("configuration", piece.proxy), ("host facts", piece.host), ("facts", piece.printed))
                if part is not None
            ),
            "rules",
        )
        names = tuple(loading.pods)
        raise InputError(
            "which-pod",
            f"which pod do these {what} belong to? There are {', '.join(names)}",
            place=Place(piece.document.name),
            hint=f"write POD=PATH, such as {names[0]}={piece.document.name}",
        )
    return next(iter(loading.pods), DEFAULT_POD)


def _pod_named(loading: _Loading, owner: str) -> str | None:
    """The pod that goes by a node id or a name; a node id also finds a pod of its name that has no proxy yet."""
    for name, pod in loading.pods.items():
        if owner and owner in (name, pod.node_id, *pod.aliases):
            return name
    for name in _names_of(owner):
        named = loading.pods.get(name)
        if named is not None and named.proxy is None and not any("~" in alias for alias in named.aliases):
            return name
    return None


def _fresh(loading: _Loading, name: str) -> str:
    number = 2
    fresh = name
    while fresh in loading.pods:
        fresh = f"{name}-{number}"
        number += 1
    return fresh


def _names_of(node_id: str) -> tuple[str, ...]:
    """`sidecar~IP~NAME.NAMESPACE~DOMAIN` -> (NAME.NAMESPACE, NAME); any other node id is its own only name."""
    parts = node_id.split("~")
    if len(parts) != 4 or not parts[2]:
        return (node_id,) if node_id else ()
    return (parts[2], parts[2].rpartition(".")[0] or parts[2])
