"""Which packet rules a pod has: those its files hold, else those that flags, or its proxy's metadata, tell.

`istio` writes rules as text and `netfilter` compiles text; they meet here, so that neither knows the other. The order
of the sources is a promise: the pod's rules file, the given flags, the metadata, the default sidecar.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from attrs import field, frozen

from .address import parse_prefix
from .config.capture import PodDocuments, RulesText
from .config.documents import Document
from .errors import InputError, Unsupported
from .istio.interception import Interception
from .istio.iptables import DEFAULT_ARGUMENTS, ip_addresses, ip_routes, ip_rules, saved_text
from .istio.iptables_arguments import without_resolvers, words_of
from .istio.iptables_flags import is_environment, read_flags
from .istio.iptables_settings import PodFacts, Settings, read_settings
from .istio.pod_annotations import DerivedFlags, flags_of_metadata
from .netfilter.ipset import parse_ipset_save
from .netfilter.netns import read_routes, read_routing_rules
from .netfilter.nft_json import only_iptables_tables, parse_nft_json
from .netfilter.options import Environment
from .netfilter.routing import Route, RoutingRule
from .netfilter.rules import RuleSet
from .netfilter.save import parse_iptables_save
from .place import Place
from .reasons import Reason, because

DEFAULT_RULES_DOCUMENT = "default sidecar rules"
ARGUMENTS_DOCUMENT = "--istio-iptables"
METADATA_DOCUMENT = "rules of the node metadata"
DNS_AGENT_PORT = 15053
_TO_DNS_AGENT = re.compile(rf"(REDIRECT .*[ :]|DNAT .*:|redirect to :){DNS_AGENT_PORT}\b")
EVERY_POD = ""
"""Key of arguments that name no pod."""

_NAMED = re.compile(r"([A-Za-z0-9][\w.-]*)=(.*)", re.DOTALL)


@frozen(eq=False)
class PacketRules:
    v4: RuleSet | None = None
    v6: RuleSet | None = None
    assumptions: tuple[Reason, ...] = ()
    routes: tuple[Route, ...] = ()
    """What whoever wrote the rules set besides: TPROXY's way back to the proxy."""
    routing_rules_v4: tuple[RoutingRule, ...] = ()
    routing_rules_v6: tuple[RoutingRule, ...] = ()
    interfaces: Mapping[str, tuple[tuple[int, int], ...]] = field(factory=dict)
    """Device -> addresses it was given besides: the IPv6 twin of 127.0.0.6 needs one."""

    @property
    def capture_dns(self) -> bool:
        """Whether some rule sends queries to the agent beside the proxy."""
        rule_sets = [rules for rules in (self.v4, self.v6) if rules is not None]
        return any(_TO_DNS_AGENT.search(rule.text) is not None for rules in rule_sets for rule in rules.rules())


def arguments_by_pod(given: Iterable[str]) -> dict[str, str]:
    """`[POD=]ARGS` texts by the pod they name; variables of istio-iptables are no pods."""
    found: dict[str, str] = {}
    for text in given:
        named = _NAMED.fullmatch(text)
        pod, arguments = (EVERY_POD, text) if named is None or is_environment(text) else named.groups()
        if pod in found:
            whose = f"for {pod}" if pod else "without a pod's name"
            raise InputError(
                "istio-iptables-twice", f"--istio-iptables stands twice {whose}", hint="write POD=ARGS, once a pod"
            )
        found[pod] = arguments
    return found


def check_pods(arguments: Mapping[str, str], pods: Sequence[PodDocuments]) -> None:
    """InputError for a name that no pod goes by."""
    for name in arguments:
        if name != EVERY_POD and not any(name in (pod.name, *pod.aliases) for pod in pods):
            known = ", ".join(pod.name for pod in pods) or "none"
            raise InputError(
                "istio-iptables-pod", f"--istio-iptables {name}=…: there is no such pod", hint=f"pods: {known}"
            )


def packet_rules(
    documents: PodDocuments,
    arguments: Mapping[str, str],
    addresses: tuple[int, ...],
    metadata: Mapping[str, Any] | None,
    *,
    alone: bool,
) -> PacketRules:
    """`metadata` is None where the pod has no sidecar; `alone` says that no other pod could be meant."""
    sets = parse_ipset_save(documents.sets.text, documents.sets.name) if documents.sets is not None else {}
    environment = Environment(documents.users, documents.groups, sets)
    v4, v6 = _parsed(documents.rules_v4, "v4", environment), _parsed(documents.rules_v6, "v6", environment)
    if documents.nftables is not None:
        return _with_nftables(documents.nftables, v4, v6)
    if v4 is not None or v6 is not None:
        return PacketRules(v4, v6)
    names = (documents.name, *documents.aliases)
    text = next((arguments[name] for name in names if name in arguments), None)
    if text is None and (alone or metadata is not None):
        text = arguments.get(EVERY_POD)
    facts = PodFacts(addresses)
    derived = flags_of_metadata(metadata if metadata is not None else {})
    if text is not None:
        words, resolvers = without_resolvers(words_of(text))
        settings = read_settings(read_flags(words), PodFacts(addresses, resolvers), derived.version)
        return _written(settings, ARGUMENTS_DOCUMENT)
    if metadata is None or not derived.captured:
        return PacketRules()
    return _derived(documents.name, derived, facts)


def _with_nftables(nftables: Document, v4: RuleSet | None, v6: RuleSet | None) -> PacketRules:
    """The kernel asks both kinds; where one holds nothing, or nft shows what iptables holds, the other tells all."""
    held = any(rules is not None and next(rules.rules(), None) is not None for rules in (v4, v6))
    if held and only_iptables_tables(nftables.data):
        return PacketRules(v4, v6)
    if held:
        raise Unsupported(
            "both-rule-kinds",
            "the pod has rules of iptables and tables of nftables, and only one kind can be walked",
            place=Place(nftables.name),
            hint="leave out the file whose rules do not concern the call",
        )
    data, name = nftables.data, nftables.name
    return PacketRules(parse_nft_json(data, name, "v4"), parse_nft_json(data, name, "v6"))


def _derived(pod: str, derived: DerivedFlags, facts: PodFacts) -> PacketRules:
    """Where annotations tell what is captured nothing is assumed, though the mesh's own defaults stand for the rest."""
    if derived.annotations:
        try:
            return _written(read_settings(derived.flags, facts, derived.version), METADATA_DOCUMENT)
        except InputError:
            # the pod runs, so what is wrong is our reading of its metadata
            settings = read_settings(read_flags(DEFAULT_ARGUMENTS), facts, derived.version)
    else:
        settings = read_settings(derived.flags, facts, derived.version)
    return _written(settings, DEFAULT_RULES_DOCUMENT, (because("hook.rules-assumed", pod=pod),))


def _written(settings: Settings, document: str, assumptions: tuple[Reason, ...] = ()) -> PacketRules:
    """The rules as the kernel holds them. What keeps istio-init from writing them does not keep the CNI plugin."""
    if settings.installs_nothing == "--cleanup-only":
        return PacketRules(assumptions=assumptions)
    wanted = settings.interception
    texts = {family: saved_text(wanted, family) for family in wanted.families}
    lines = {family: [line for of, line in ip_rules(wanted) if of == family] for family in ("v4", "v6")}
    return PacketRules(
        v4=parse_iptables_save(texts["v4"], document),
        v6=parse_iptables_save(texts["v6"], document, "v6") if "v6" in texts else None,
        assumptions=assumptions,
        routes=read_routes(line for _, line in ip_routes(wanted)),
        routing_rules_v4=read_routing_rules(lines["v4"], v6=False),
        routing_rules_v6=read_routing_rules((f"v6:{line}" for line in lines["v6"]), v6=True),
        interfaces=_given_addresses(wanted),
    )


def _given_addresses(wanted: Interception) -> dict[str, tuple[tuple[int, int], ...]]:
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for _family, line in ip_addresses(wanted):
        prefix, _dev, device = line.split()
        found[device] = (*found.get(device, ()), parse_prefix(prefix))
    return found


def _parsed(rules: RulesText | None, family: Literal["v4", "v6"], environment: Environment) -> RuleSet | None:
    return parse_iptables_save(rules.text, rules.name, family, environment) if rules is not None else None
