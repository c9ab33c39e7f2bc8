"""From a proxy's node metadata to the flags its pod's istio-init was given."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.istio.interception import Interception, Ranges
from meshsim.istio.iptables import DEFAULT_ARGUMENTS
from meshsim.istio.iptables_flags import read_flags
from meshsim.istio.iptables_settings import read_settings
from meshsim.istio.pod_annotations import flags_of_metadata

TRAFFIC = "traffic.sidecar.istio.io/"


def interception(metadata: dict[str, Any]) -> Interception:
    return read_settings(flags_of_metadata(metadata).flags).interception


def test_metadata_that_says_nothing_gives_the_injectors_defaults() -> None:
    derived = flags_of_metadata({})
    assert derived.captured
    assert derived.annotations == ()
    assert interception({}) == read_settings(read_flags(DEFAULT_ARGUMENTS)).interception


@pytest.mark.parametrize("wrap", [lambda found: {"ANNOTATIONS": found}, lambda found: found], ids=["nested", "flat"])
def test_annotations_wherever_that_version_puts_them(wrap: Any) -> None:
    made = interception(
        wrap(
            {
                TRAFFIC + "includeInboundPorts": "8080,9090",
                TRAFFIC + "includeOutboundIPRanges": "10.0.0.0/8",
                TRAFFIC + "excludeOutboundIPRanges": "10.9.0.0/16",
                TRAFFIC + "includeOutboundPorts": "443",
                TRAFFIC + "excludeOutboundPorts": "3306",
                TRAFFIC + "excludeInterfaces": "net1",
                "istio.io/reroute-virtual-interfaces": "tap0",
            }
        )
    )
    assert made.inbound_ports == ("8080", "9090")
    assert made.outbound == Ranges(v4=("10.0.0.0/8",))
    assert made.outbound_excluded == Ranges(v4=("10.9.0.0/16",))
    assert (made.outbound_ports, made.outbound_excluded_ports) == (("443",), ("3306",))
    assert (made.excluded_interfaces, made.virtual_interfaces) == (("net1",), ("tap0",))


@pytest.mark.parametrize(
    ("annotations", "ports"),
    [
        ({}, ("15090", "15021", "15020")),
        ({TRAFFIC + "excludeInboundPorts": "8080"}, ("15090", "15021", "8080", "15020")),
        ({TRAFFIC + "excludeInboundPorts": "15020,8080"}, ("15090", "15021", "15020", "8080")),
        ({"status.sidecar.istio.io/port": "0"}, ("15090", "15021")),
        ({"status.sidecar.istio.io/port": "15099"}, ("15090", "15021", "15099")),
    ],
)
def test_excluded_inbound_ports_gain_the_proxys_own(annotations: dict[str, str], ports: tuple[str, ...]) -> None:
    assert interception({"ANNOTATIONS": annotations}).inbound_excluded_ports == ports


def test_the_mode() -> None:
    assert interception({"INTERCEPTION_MODE": "TPROXY"}).tproxy
    assert interception(
        {"INTERCEPTION_MODE": "REDIRECT", "ANNOTATIONS": {"sidecar.istio.io/interceptionMode": "TPROXY"}}
    ).tproxy
    assert not flags_of_metadata({"INTERCEPTION_MODE": "NONE"}).captured


def test_captured_ports_of_old_metadata() -> None:
    assert interception({"INCLUDE_INBOUND_PORTS": "9080"}).inbound_ports == ("9080",)
    assert not interception({"INCLUDE_INBOUND_PORTS": ""}).captures_inbound


@pytest.mark.parametrize(
    "metadata",
    [{"DNS_CAPTURE": "true"}, {"PROXY_CONFIG": {"proxyMetadata": {"ISTIO_META_DNS_CAPTURE": "true"}}}],
)
def test_dns_capture(metadata: dict[str, Any]) -> None:
    assert interception(metadata).redirect_dns


@pytest.mark.parametrize(
    ("version", "rules"),
    [
        ("1.7.3", "1.7"),
        ("1.9.0", "1.7"),
        ("1.12.9", "1.7"),
        ("1.13.0", "current"),
        ("1.26-dev", "current"),
        ("", "current"),
    ],
)
def test_which_rules_that_version_wrote(version: str, rules: str) -> None:
    assert flags_of_metadata({"ISTIO_VERSION": version}).version == rules


@pytest.mark.parametrize("metadata", [{"ANNOTATIONS": "odd"}, {"PROXY_CONFIG": [1]}, {"ISTIO_VERSION": 7}])
def test_odd_metadata_is_passed_over(metadata: dict[str, Any]) -> None:
    assert flags_of_metadata(metadata).captured


def test_tproxy_became_what_it_is_earlier() -> None:
    metadata = {"ISTIO_VERSION": "1.11.2", "INTERCEPTION_MODE": "TPROXY"}
    assert flags_of_metadata(metadata).version == "current"
