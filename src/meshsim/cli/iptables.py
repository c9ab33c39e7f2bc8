"""`meshsim iptables`: what istio-iptables would do to a pod for these flags, as text one can restore or compare.

The command line is istio-iptables' own, beside a few flags of meshsim's that say what it would look up in the pod.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import define, field

from ..address import try_parse_ip
from ..errors import InputError
from ..istio.interception import FAMILIES, Interception
from ..istio.iptables import ip_commands, nftables_text, restore_text, saved_text
from ..istio.iptables_arguments import PROGRAMS, annotations_of, words_of
from ..istio.iptables_flags import FLAGS, GivenFlags, read_flags
from ..istio.iptables_settings import CURRENT, OLD_VERSION, PodFacts, Settings, read_settings
from ..istio.pod_annotations import ANNOTATIONS, MODE, flags_of_metadata
from ..istio.rule_origins import origins
from .exit_codes import DONE
from .usage import UsageError, did_you_mean

VERSIONS = (CURRENT, OLD_VERSION)
_COMMANDS = {"v4": "iptables", "v6": "ip6tables"}

_USAGE = """usage: meshsim iptables [flags] ARGS…

What would istio-iptables (istio-init, the CNI plugin) do to a pod? ARGS are its own flags, in long or short form,
variables as NAME=value before them, all of them pasted as one argument, or the YAML list of a pod's specification.

  meshsim iptables -p 15001 -z 15006 -u 1337 -m REDIRECT -i '*' -x '' -b '*' -d 15090,15021,15020
  meshsim iptables ISTIO_META_DNS_CAPTURE=true -b '*' -i '*' --dns-server 10.96.0.10 --save
  kubectl get pod reviews-v1 -o yaml | yq .spec.initContainers | meshsim iptables --file -

flags of meshsim:
  --file PATH             read ARGS from a file (- for standard input); of a pod's manifest without istio-init its
                          annotations count
  --annotation NAME=VALUE an annotation of the pod, beside the injector's own defaults; repeatable
  --save                  as iptables-save prints the rules once the kernel holds them
  --istio-version V       current (default) or 1.7
  --pod-ip IP             an address of the pod, the first decides whether IPv6 rules are written; repeatable
  --dns-server IP         a resolver of the pod's /etc/resolv.conf, for --redirect-dns; repeatable
  --ambient               the rules of an ambient pod (--redirect-dns and -k count there too)
  --ambient-ingress       of one annotated ambient.istio.io/bypass-inbound-capture
  --ambient-host          the rule in an ambient node's own namespace
  -v, --verbose           above each rule the flag and the annotation it comes from
  -h, --help              this text

flags of istio-iptables:
{flags}"""


@define
class _Own:
    """The flags that are meshsim's."""

    file: str = ""
    save: bool = False
    version: str = CURRENT
    pod_ips: list[str] = field(factory=list)
    dns_servers: list[str] = field(factory=list)
    ambient: bool = False
    ambient_ingress: bool = False
    ambient_host: bool = False
    annotations: dict[str, str] | None = None
    """None: nothing was said about annotations, and the injector's defaults do not count either."""
    verbose: bool = False
    rest: list[str] = field(factory=list)


def main(arguments: Sequence[str]) -> int:
    if any(word in ("-h", "--help") for word in arguments):
        print(_USAGE.format(flags="\n".join(_flag_lines())))
        return DONE
    own = _share_out(arguments)
    given = read_flags(_words(own))
    if own.annotations is not None:
        derived = flags_of_metadata({"ANNOTATIONS": own.annotations})
        if not derived.captured:
            print(f"# {MODE} is NONE: istio-init does not run, and nothing is captured")
            return DONE
        given = given.over(derived.flags)
    pod = PodFacts(tuple(_addresses("--pod-ip", own.pod_ips)), tuple(own.dns_servers))
    list(_addresses("--dns-server", own.dns_servers))
    ambient = {
        "ambient": own.ambient,
        "ambient_ingress": own.ambient_ingress,
        "ambient_host": own.ambient_host,
    }
    settings = read_settings(given, pod, own.version, **ambient)
    wanted = settings.interception
    for warning in _warnings(given, wanted):
        print(f"meshsim: {warning}", file=sys.stderr)
    if settings.installs_nothing == "--cleanup-only":
        print("# --cleanup-only: istio-iptables removes its rules and writes none")
        return DONE
    if settings.nftables and (own.save or wanted.old):
        what = "--save" if own.save else f"--istio-version {own.version}"
        raise UsageError(f"--native-nftables with {what}: that writes no nftables rules", hint="leave one of them out")
    sys.stdout.write("".join(line + "\n" for line in _text(settings, wanted, own)))
    return DONE


def _share_out(arguments: Sequence[str]) -> _Own:
    """Meshsim's flags apart from the words for istio-iptables, which keep their order."""
    own = _Own()
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, equals, inline = word.partition("=")
        if name in ("--file", "--istio-version", "--pod-ip", "--dns-server", "--annotation"):
            if not equals and not rest:
                raise UsageError(f"{name} lacks its value", hint="meshsim iptables --help lists the flags")
            value = inline if equals else rest.pop(0)
            if name == "--file":
                own.file = value
            elif name == "--istio-version":
                own.version = value
            elif name == "--annotation":
                own.annotations = {**(own.annotations or {}), **_annotation(value)}
            else:
                (own.pod_ips if name == "--pod-ip" else own.dns_servers).append(value)
        elif word == "--save":
            own.save = True
        elif word == "--ambient":
            own.ambient = True
        elif word == "--ambient-ingress":
            own.ambient = own.ambient_ingress = True
        elif word == "--ambient-host":
            own.ambient = own.ambient_host = True
        elif word in ("-v", "--verbose"):
            own.verbose = True
        else:
            own.rest.append(word)
    if own.version not in VERSIONS:
        hint = "the rules changed little by little between them: references to others are in the changelog of Istio"
        raise UsageError(f"--istio-version {own.version}: known are {' and '.join(VERSIONS)}", hint=hint)
    return own


def _words(own: _Own) -> Iterator[str]:
    if own.file:
        text = _read(own.file)
        found = annotations_of(text, own.file)
        if found is None:
            yield from words_of(text, own.file)
        else:
            own.annotations = {**found, **(own.annotations or {})}
    for word in own.rest:
        pasted = any(letter.isspace() for letter in word) or word.startswith(("[", "- "))
        if pasted:
            yield from words_of(word, "the pasted arguments")
        elif word not in PROGRAMS:
            yield word


def _annotation(text: str) -> dict[str, str]:
    name, equals, value = text.partition("=")
    if not equals or name not in ANNOTATIONS:
        hint = did_you_mean(name, ANNOTATIONS) or "those that count: " + ", ".join(ANNOTATIONS)
        raise UsageError(f"--annotation {text}: no annotation that changes a pod's rules", hint=hint)
    return {name: value}


def _read(path: str) -> str:
    if path == "-":
        return sys.stdin.read()
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError("cannot-read", f"--file {path}: {error.strerror}", hint="a file, or -") from None
    except UnicodeDecodeError:
        raise InputError("cannot-read", f"--file {path}: not text", hint="a file of arguments, or -") from None


def _addresses(flag: str, texts: Sequence[str]) -> Iterator[int]:
    for text in texts:
        ip = try_parse_ip(text)
        if ip is None:
            raise UsageError(f"{flag} {text}: no address", hint=f"such as {flag} 10.96.0.10")
        yield ip


def _warnings(given: GivenFlags, wanted: Interception) -> Iterator[str]:
    mode = given.text("--istio-inbound-interception-mode")
    if mode not in ("", "REDIRECT", "TPROXY"):
        yield f"mode {mode} is neither REDIRECT nor TPROXY: istio-iptables writes the rules of REDIRECT"
    if wanted.redirect_dns and not wanted.captures_dns and not wanted.ambient and not wanted.old:
        yield "DNS rules are left out: no resolver is known (give --dns-server, or --capture-all-dns)"
    if wanted.inbound_excluded_ports and not wanted.inbound_all:
        yield "the excluded inbound ports (-d) have no effect: they count only where -b is '*'"


def _text(settings: Settings, wanted: Interception, own: _Own) -> Iterator[str]:
    if settings.installs_nothing:
        yield f"# this container installs nothing ({settings.installs_nothing}): the CNI plugin did, by these settings:"
    for command in ip_commands(wanted):
        yield f"# {command}"
    if settings.nftables:
        yield "# nft -f -"
        yield from nftables_text(wanted).splitlines()
        return
    for family in FAMILIES:
        text = saved_text(wanted, family) if own.save else restore_text(wanted, family)
        if text:
            yield f"# Generated by {_COMMANDS[family]}-save" if own.save else f"# {_COMMANDS[family]}-restore --noflush"
            yield from _explained(text) if own.verbose else text.splitlines()


def _explained(text: str) -> Iterator[str]:
    """Each rule below the flag behind it."""
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith(("-A ", "-I ")):
            sources = [
                f"{origin.flag} (annotation {origin.annotation})" if origin.annotation else origin.flag
                for origin in origins(table, line.split()[1], line)
            ]
            yield f"# {' or '.join(sources) or 'always'}"
        yield line


def _flag_lines() -> Iterator[str]:
    for flag in FLAGS:
        if not flag.unused:
            short = f"-{flag.short}, " if flag.short else "    "
            name = f"{short}--{flag.long}" if flag.long else f"    {flag.environment[0]}="
            variables = ", ".join(flag.environment) if flag.long else ""
            yield f"  {name:<44}{variables}".rstrip()
