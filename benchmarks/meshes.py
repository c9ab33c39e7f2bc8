"""The meshes that are measured, and calls that use many parts of each."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

import meshsim
from meshsim import Call, Mesh
from meshsim.address import V6_BIT, format_endpoint, parse_ip
from meshsim.demo import capture_paths
from meshsim.envoy.proxy import Proxy

DUMPS = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "config_dumps"
"""Published config dumps, where they lie beside the project."""

SOMEWHERE = parse_ip("10.1.2.3")
NAMES_A_PORT = 3


@frozen
class Measured:
    name: str
    files: tuple[Path, ...]
    """What is loaded."""
    calls: tuple[Call, ...]

    def load(self) -> Mesh:
        return meshsim.load(*self.files)

    @property
    def dumps(self) -> list[Path]:
        """The JSON among the files: what has to be parsed, whoever reads it."""
        found = [path for file in self.files for path in ([file] if file.is_file() else sorted(file.rglob("*.json")))]
        return [path for path in found if path.suffix == ".json"]


def demo() -> Measured:
    return Measured("demo", capture_paths(), DEMO_CALLS)


def largest_dump() -> Measured | None:
    """A sidecar's dump as somebody published it; None where there is none."""
    sidecars = [file for file in DUMPS.glob("*sidecar*.json") if file.is_file()]
    if not sidecars:
        return None
    largest = max(sidecars, key=lambda file: file.stat().st_size)
    return Measured(largest.stem, (largest,), _calls_through(meshsim.load(largest)))


def _calls_through(mesh: Mesh) -> tuple[Call, ...]:
    """A call to the address of each bound listener, by each of some names that routes of its port know."""
    [pod] = mesh.pods
    assert pod.proxy is not None
    calls = []
    for listener in pod.proxy.listeners.listeners:
        for ip, port in listener.addresses[:1]:
            address = SOMEWHERE if ip in (0, V6_BIT) else ip
            names = _names(pod.proxy, port)[:NAMES_A_PORT]
            calls += [Call(destination=format_endpoint(address, port), authority=name) for name in names]
    return tuple(calls)


def _names(proxy: Proxy, port: int) -> list[str]:
    """Istio names outbound route configurations PORT, or HOST:PORT where a service has one of its own."""
    tables = [proxy.route_table(name) for name in proxy.document.route_configs if str(port) == name.rpartition(":")[2]]
    domains = [vhost.domains[0].text for table in tables if table for vhost in table.vhosts if vhost.domains]
    return [domain.replace("*", "any.example") for domain in domains] or ["any.example"]


DEMO_CALLS = (
    Call(from_="sleep", destination="10.0.0.5:80"),
    Call(from_="sleep", destination="10.0.0.5:80", uid=1337),
    Call(from_="sleep", destination="httpbin:8000", path="/get", headers={"x-user": "jason"}),
    Call(from_="sleep", destination="httpbin:8000", path="/anything/42"),
    Call(from_="sleep", destination="helloworld:80", path="/hello"),
    Call(from_="sleep", destination="legacy:80"),
    Call(from_="sleep", destination="ghost:8080"),
    Call(from_="sleep", destination="redis:6379", protocol="tcp"),
    Call(from_="sleep", destination="example.com:443", protocol="tcp"),
    Call(pod="sleep", direction="inbound", source="10.80.3.120:40000", destination="10.80.3.109:80"),
)
"""HTTP and TCP, out and in, past the proxy, matched by name, header, path and regular expression, and refused."""
