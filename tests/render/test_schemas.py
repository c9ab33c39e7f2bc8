"""The published schemas agree with the readers."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from meshsim.demo import capture_paths
from meshsim.errors import InputError
from meshsim.facts.call import _READERS, read_call
from meshsim.outcome import KINDS
from meshsim.schema import NAMES, schema
from tests.schema_check import problems


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_schema_and_every_object_in_it_is_closed(name: str) -> None:
    made = schema(name)
    Draft202012Validator.check_schema(made)

    def walk(part: Any, where: str) -> None:
        if isinstance(part, dict):
            if "properties" in part and isinstance(part["properties"], dict) and "type" in part:
                assert part.get("additionalProperties") is False, where
            for key, below in part.items():
                walk(below, f"{where}/{key}")
        elif isinstance(part, list):
            for index, below in enumerate(part):
                walk(below, f"{where}/{index}")

    walk(made, name)


def test_the_outcome_kinds_are_the_code_s() -> None:
    assert tuple(schema("trace")["$defs"]["outcome"]["properties"]["kind"]["enum"]) == KINDS


def test_the_call_schema_has_the_reader_s_fields() -> None:
    assert set(schema("call")["properties"]) == set(_READERS)


@pytest.mark.parametrize(
    "call",
    [
        {},
        {"destination": "10.0.0.5:80", "id": [1]},
        {"destination": None, "tls": None, "authority": None},
        {"tls": {}},
        {"tls": {"sni": None, "alpn": ["h2"], "client_certificate": "spiffe://x"}},
        {"tls": {"client_certificate": {"uri_sans": ["a"], "expired": True}}},
        {"tls": {"client_certificate": {"uri": "a"}}},
        {"tls": {"alpn": "h2"}},
        {"headers": {"a": "b", "c": ["d", "e"]}},
        {"headers": {"a": 5}},
        {"uid": -1},
        {"uid": 4294967296},
        {"uid": True},
        {"mark": None},
        {"direction": "sideways"},
        {"protocol": "h2"},
        {"protocol": None},
        {"random_value": 18446744073709551615},
        {"random_value": 18446744073709551616},
        {"max_time": "1.5s"},
        {"max_time": None},
        {"max_time": "1.5"},
        {"max_time": 2},
        {"proxy_protocol": {"source": "a"}},
        {"choices": {"0/cluster": 1}},
        {"answers": {"0/filter/a": {"status": 401, "headers": {"a": "b", "c": ["d"]}, "body": "e"}}},
        {"answers": {"0/filter/a": {"status": 199}}},
        {"answers": {"0/filter/a": {"body": ""}}},
        {"answers": {"0/filter/a": {"status": 401, "headers": {"a": []}}}},
        {"answers": {"0/filter/a": {"status": 401, "headers": {"a b": "c"}}}},
        {"answers": {"0/filter/a": {"status": 401, "headers": {"a": "\n"}}}},
        {"answers": {"0/filter/a": 401}},
        {"groups": [1, 2]},
        {"groups": "1"},
        {"method": None},
        {"destinaton": "x"},
    ],
    ids=str,
)
def test_the_call_schema_says_what_the_reader_does(call: dict[str, Any]) -> None:
    try:
        read_call(call)
        readable = True
    except InputError:
        readable = False
    assert (problems("call", call) == []) is readable


def test_the_demo_s_host_facts_keep_to_the_schema() -> None:
    files = [file for folder in capture_paths("ALLOW_ANY") for file in folder.rglob("host.yaml")]
    assert files
    for file in files:
        assert not problems("host_facts", yaml.safe_load(file.read_text(encoding="utf-8")))
