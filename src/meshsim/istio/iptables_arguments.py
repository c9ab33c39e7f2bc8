"""Arguments of istio-iptables as people have them: a shell line, or the YAML that a pod's specification shows.

The result is words, as `iptables_flags` takes them; empty words stay, because `-x ''` is said with one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any

from ..address import try_parse_ip
from ..config.yaml_text import parse_yaml
from ..errors import InputError

_KEY = re.compile(r"(args|command|env|name|initContainers|containers|apiVersion|kind|metadata|spec|image):(\s|$)")
PROGRAMS = ("istio-iptables", "/usr/local/bin/istio-iptables", "pilot-agent")
RESOLVER = "--dns-server"
"""What istio-iptables reads in the pod's resolv.conf."""
CONTAINERS = ("istio-init", "istio-validation")
_REMEDY = "give the arguments of the container istio-init or istio-validation: a shell line, or its YAML list"


def words_of(text: str, name: str = "--istio-iptables") -> tuple[str, ...]:
    """`name` says in errors where the text came from."""
    if _looks_like_yaml(text):
        return _without_program(_of_yaml(text, name))
    try:
        return _without_program(shlex.split(text, comments=False))
    except ValueError as problem:
        raise _wrong(name, str(problem).lower()) from None


def without_resolvers(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words without `--dns-server IP`, which is meshsim's own, and the resolvers it named."""
    kept, servers = [], []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name != RESOLVER:
            kept.append(word)
            continue
        server = value if equals else rest.pop(0) if rest else ""
        if try_parse_ip(server) is None:
            raise InputError("istio-iptables-resolver", f"{RESOLVER}: {server!r} is no address", hint="10.96.0.10, say")
        servers.append(server)
    return tuple(kept), tuple(servers)


def annotations_of(text: str, name: str) -> dict[str, str] | None:
    """The annotations of a pod's manifest (or its template's); None where the text is none or names arguments."""
    if not _looks_like_yaml(text):
        return None
    documents = [document for document in parse_yaml(_dedented(text), name) if isinstance(document, dict)]
    if len(documents) != 1 or _container(documents[0]) is not None:
        return None
    document = documents[0]
    spec = document.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    metadata = (template if isinstance(template, dict) else document).get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(found, dict):
        return {} if isinstance(metadata, dict) else None
    return {str(key): _word(value, name) for key, value in found.items()}


def _looks_like_yaml(text: str) -> bool:
    start = text.lstrip()
    return start.startswith(("- ", "[", "{", "---")) or _KEY.match(start) is not None


def _of_yaml(text: str, name: str) -> list[str]:
    documents = [document for document in parse_yaml(_dedented(text), name) if document is not None]
    if len(documents) != 1:
        raise _wrong(name, f"{len(documents)} YAML documents are there, not one")
    document = documents[0]
    if isinstance(document, list) and not any(isinstance(item, dict) for item in document):
        return [_word(item, name) for item in document]
    container = _container(document)
    if container is None:
        raise _wrong(name, "the YAML holds no list of arguments")
    words = [f"{key}={value}" for key, value in _environment(container)]
    for key in ("command", "args"):
        given = container.get(key) or []
        if not isinstance(given, list):
            raise _wrong(name, f"`{key}` is not a list")
        words += [_word(item, name) for item in given]
    return words


def _dedented(text: str) -> str:
    """A list cut out of a longer file: its first line has often lost the indentation that the others have."""
    lines = text.strip("\n").split("\n")
    if lines[0].lstrip().startswith("- ") and all(not line.strip() or line.lstrip()[0] == "-" for line in lines):
        return "\n".join(line.strip() for line in lines)
    return text


def _container(document: Any, *, inside: bool = False) -> dict[str, Any] | None:
    """The container that runs istio-iptables: given alone, or among others (`inside`) by its name."""
    if isinstance(document, dict):
        if not inside and ("args" in document or "command" in document):
            return document
        inner = (document.get(key) for key in ("spec", "template", "initContainers", "containers"))
        return next((found for value in inner if (found := _container(value, inside=True)) is not None), None)
    if isinstance(document, list):
        containers = [item for item in document if isinstance(item, dict) and ("args" in item or "command" in item)]
        named = [item for item in containers if item.get("name") in CONTAINERS]
        if named or (len(containers) == 1 and not inside):
            return (named or containers)[0]
    return None


def _environment(container: dict[str, Any]) -> list[tuple[str, str]]:
    variables = container.get("env") or []
    return [
        (str(variable["name"]), str(variable["value"]))
        for variable in variables
        if isinstance(variable, dict) and "name" in variable and "value" in variable
    ]


def _word(item: Any, name: str) -> str:
    """YAML reads an unquoted 15001 as a number and an unquoted `true` as a truth value; the pod's text meant words."""
    if item is None:
        return ""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str | int):
        return str(item)
    raise _wrong(name, f"{item!r} is not an argument")


def _without_program(words: list[str]) -> tuple[str, ...]:
    """Without the name of the program, which variables may precede."""
    return tuple(word for word in words if word not in PROGRAMS)


def _wrong(name: str, problem: str) -> InputError:
    return InputError("istio-iptables-arguments", f"{name}: {problem}", hint=_REMEDY)
