"""What one group of probes is made from: it states, and makes neither processes nor traces."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from attrs import asdict, field, frozen

import meshsim
from tests.realism.upstreams import Upstream

POD, POD_ADDRESS = "here", "10.93.0.2"
TABLES = ":PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"
NO_RULES = f"*nat\n{TABLES}COMMIT\n"
REDIRECTED = (
    f"*nat\n{TABLES}-A PREROUTING -p tcp -j REDIRECT --to-ports 15001\n"
    "-A OUTPUT -p tcp -m owner ! --uid-owner 1337 -j REDIRECT --to-ports 15001\nCOMMIT\n"
)
"""Everything, in both directions, to one listener that restores the original destination."""


@frozen(kw_only=True)
class Setting:
    """One Envoy with its surroundings, and the calls made through it; many configurations may share one Envoy.

    `calls` are call documents. A call of `"from": "outside"` comes from beyond the pod. `bytes` in a call (latin-1
    text) replaces the request that its fields would make: for bytes no client library would send;
    `trailers` are sent after an HTTP/2 request.
    """

    name: str
    dump: Mapping[str, Any]
    calls: Sequence[Mapping[str, Any]]
    rules: str = NO_RULES
    configurations: int = 1
    """How many distinct configurations (listeners, route tables, clusters …) stand side by side in the dump."""
    world: Sequence[Upstream] = ()
    """Sockets beyond the pod. The world owns every address, so `0.0.0.0:PORT` answers for all of them."""
    pod_sockets: Sequence[Upstream] = ()
    hosts: Sequence[Mapping[str, Any]] = ()
    """Host facts of other machines, where what listens there decides; the pod's own facts go in `sockets`."""
    sockets: Sequence[Mapping[str, Any]] | None = None
    names: Mapping[str, Sequence[str]] = field(factory=dict)
    unreachable: Sequence[str] = ()
    leaves: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    """Secrets of the dump -> what their certificates are made for; those that are not here are one and the same."""
    marks: Sequence[str] = ()
    """Criteria of the reference that every call of the setting puts to the test, for the table of counts."""

    def digest(self) -> str:
        """Changes whenever what was recorded may no longer be true."""
        stated = {name: value for name, value in asdict(self).items() if name != "leaves" or value}
        return hashlib.sha256(json.dumps(stated, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def mesh(self, folder: Path) -> meshsim.Mesh:
        """What a user would have copied out of the pod, read back from files."""
        pod = folder / POD
        pod.mkdir(parents=True)
        (pod / "config_dump.json").write_text(json.dumps(self.dump))
        (pod / "iptables-save.txt").write_text(self.rules)
        facts: dict[str, Any] = {"kind": "HostFacts", "pod": POD}
        facts["interfaces"] = {"lo": ["127.0.0.1/8"], "eth0": [f"{POD_ADDRESS}/24"]}
        if self.unreachable:
            facts["unreachable"] = list(self.unreachable)
        if self.sockets is not None:
            facts["sockets"] = [dict(each) for each in self.sockets]
        for each in (facts, *self.hosts):
            (folder / each["pod"]).mkdir(exist_ok=True)
            (folder / each["pod"] / "host.yaml").write_text(yaml.safe_dump(dict(each), sort_keys=False))
        return meshsim.load(folder)
