"""A list may be written as its only value, or with lists inside it: Envoy reads both, and here they mean the same."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshsim import Call, load
from meshsim.errors import InputError, Rejected
from tests.builders_branches import listener
from tests.builders_http import one_route
from tests.realism.prerequisites import envoy_binary

TABLE = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config"
LISTS = (
    "/static_resources/listeners",
    "/static_resources/clusters",
    "/static_resources/listeners/0/filter_chains",
    "/static_resources/listeners/0/filter_chains/0/filters",
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters",
    f"{TABLE}/virtual_hosts",
    f"{TABLE}/virtual_hosts/0/domains",
    f"{TABLE}/virtual_hosts/0/routes",
    f"{TABLE}/virtual_hosts/0/routes/0/route/retry_policy/retriable_status_codes",
    f"{TABLE}/virtual_hosts/0/routes/0/request_headers_to_remove",
)
FORMS: dict[str, Callable[[list[Any]], Any]] = {
    "its only value": lambda values: values[0],
    "a list inside": lambda values: [values],
    "lists inside": lambda values: [[], [values[:1]], values[1:]],
}


def _whole() -> dict[str, Any]:
    retried = {"cluster": "a", "retry_policy": {"retry_on": "retriable-status-codes", "retriable_status_codes": [503]}}
    route = one_route(route=retried, request_headers_to_remove=["x-a"])
    refused = {"name": "a", "type": "STATIC", "load_assignment": {"cluster_name": "a"}}
    return {"static_resources": {"listeners": [listener([route], port=15080)], "clusters": [refused]}}


def _written(pointer: str, form: Callable[[list[Any]], Any], folder: Path) -> Path:
    whole = _whole()
    *above, last = [int(part) if part.isdigit() else part for part in pointer.strip("/").split("/")]
    at: Any = whole
    for part in above:
        at = at[part]
    assert isinstance(at[last], list)
    at[last] = form(at[last])
    (folder / "envoy.json").write_text(json.dumps(whole))
    return folder / "envoy.json"


def _accepted(file: Path) -> bool:
    command = [str(envoy_binary()), "--mode", "validate", "--use-dynamic-base-id", "-c", str(file)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _trace(file: Path) -> tuple[Any, ...]:
    (hop,) = load(file).trace(Call("127.0.0.1:15080", headers={"x-a": ("1",)})).hops
    return hop.listener, hop.virtual_host, hop.route, hop.cluster, hop.response_flags


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pointer", LISTS)
def test_it_means_the_same(pointer: str, form: str, tmp_path: Path) -> None:
    plain = _trace(_written(pointer, lambda values: values, tmp_path))
    assert "a" in plain
    assert _trace(_written(pointer, FORMS[form], tmp_path)) == plain


@pytest.mark.real
@pytest.mark.skipif(envoy_binary() is None, reason="no Envoy to ask")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pointer", LISTS)
def test_envoy_reads_it(pointer: str, form: str, tmp_path: Path) -> None:
    assert _accepted(_written(pointer, FORMS[form], tmp_path))


@pytest.mark.real
@pytest.mark.skipif(envoy_binary() is None, reason="no Envoy to ask")
@pytest.mark.parametrize("pointer", LISTS[:8])
def test_a_value_of_another_kind_is_refused_by_both(pointer: str, tmp_path: Path) -> None:
    file = _written(pointer, lambda _values: True, tmp_path)
    assert not _accepted(file)
    with pytest.raises((InputError, Rejected)):
        _trace(file)
