"""The published schema is the parser's own: made from its tables, and of one mind with it about what is a suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from meshsim.errors import InputError
from meshsim.schema import schema
from meshsim.suite import load
from meshsim.suite.schema_of import suite_schema
from tests.suite_files import written

VALIDATOR = Draft202012Validator(schema("suite"))


def test_the_file_is_what_the_tables_make() -> None:
    assert schema("suite") == suite_schema()
    Draft202012Validator.check_schema(schema("suite"))


def both(folder: Path, text: str) -> tuple[bool, bool]:
    """(the schema takes it, the parser takes it)."""
    try:
        load(written(folder, text))
        read = True
    except InputError:
        read = False
    return VALIDATOR.is_valid(yaml.safe_load(text)), read


HEAD = "meshsim: 1\n"
TEST = "tests: {t: {call: http://a/, expect: {status: 1}}}\n"


def test_case(said: str) -> str:
    return f"{HEAD}tests: {{t: {{call: http://a/, {said}}}}}\n"


test_case.__test__ = False  # type: ignore[attr-defined]

TAKEN = [
    HEAD + TEST,
    HEAD + TEST + "suite: a/b\nwhy: what\nstrict: true\ntags: [a]\n",
    HEAD + TEST + "defaults: {from: sleep, uid: 3, tls: null}\n",
    HEAD + TEST + "never: [{outcome: loop, except_tags: [x], why: w, id: i}]\n",
    HEAD + TEST + "never: [{any_hop: {tls: {mode: [plaintext, tls]}}}]\n",
    HEAD + TEST + "coverage: {virtual-host/x: {routes: 90 %}}\n",
    HEAD + "access: {call: http://a/, rows: {from: [a]}, columns: {path: [/]}, expect: [[{status: 1}]]}\n",
    HEAD + "access: [{id: x, call: http://a/, rows: {from: [a]}, columns: {path: [/]}, expect: [[{status: 1}]]}]\n",
    *map(
        test_case,
        [
            "expect: {outcome: [delivered, forwarded]}",
            "expect: [{outcome: {not: delivered}}, {client: bypassed}]",
            "expect: {client: null, server: {}}",
            "expect: {client: {tls: {mode: {not: [mtls, null]}}}}",
            "expect: {client: {upstream: null}}",
            "expect: {client: {upstream: {not: null}}}",
            "expect: {client: {upstream: {headers: {x-any: [a, 1, /b/]}}}}",
            "expect: {client: {attempts: {result: refused, status: 503}}}",
            "expect: {client: {attempts: []}}",
            "expect: {client: {port: 80, subset: 1, listener: /x/}}",
            "expect: {response_flags: []}",
            "expect: {any_packet: {before: {uid: 1337}}}",
            "some: {status: 1}",
            "some: [{status: 1}, {status: 2}]",
            "expect: {some: [{status: 1}]}",
            "shares: {client.subset: {v1: 90 %, v2: 1/10}}",
            "expect: {status: 1}, tags: x, why: y-not",
        ],
    ),
]
REFUSED = [
    HEAD,
    TEST,
    "meshsim: 2\n" + TEST,
    HEAD + TEST + "sute: x\n",
    HEAD + TEST + "strict: maybe\n",
    HEAD + TEST + "defaults: {form: x}\n",
    HEAD + TEST + "defaults: {uid: x}\n",
    HEAD + TEST + "never: {outcome: loop}\n",
    HEAD + TEST + "never: [{except_tags: [x]}]\n",
    HEAD + TEST + "coverage: {x: {routes: 90 %}}\n",
    HEAD + TEST + "coverage: {a/x: {routes: 90}}\n",
    HEAD + "access: {call: http://a/, rows: {from: [a]}, columns: {path: [/]}}\n",
    HEAD + "access: {call: http://a/, rows: {from: []}, columns: {path: [/]}, expect: [[]]}\n",
    HEAD + "tests: {t: {expect: {status: 1}}}\n",
    *map(
        test_case,
        [
            "why: nothing",
            "expect: {}",
            "expect: []",
            "expect: {outcome: delivred}",
            "expect: {outcome: []}",
            "expect: {outcome: {nott: x}}",
            "expect: {outcome: {is: x}}",
            "expect: {status: ok}",
            "expect: {client: bypass}",
            "expect: {any_hop: bypassed}",
            "expect: {client: {tls: mtls}}",
            "expect: {client: {rute: x}}",
            "expect: {client: {upstream: {headers: {}}}}",
            "expect: {client: {attempts: {reslt: x}}}",
            "expect: {client: {route: {a: b}}}",
            "expect: {client: {route: [[a]]}}",
            "some: []",
            "shares: {client.subset: {}}",
            "shares: {client.subset: {v1: 0.9}}",
            "shares: {client.subset: 90 %}",
            "expect: {status: 1}, tags: [1]",
            "expect: {status: 1}, known_gap: {why: x}",
            "expect: {status: 1}, for: {a: b}",
            "expect: {status: 1}, why: ''",
        ],
    ),
]


@pytest.mark.parametrize("text", TAKEN)
def test_both_take_it(tmp_path: Path, text: str) -> None:
    assert both(tmp_path, text) == (True, True)


@pytest.mark.parametrize("text", REFUSED)
def test_both_refuse_it(tmp_path: Path, text: str) -> None:
    assert both(tmp_path, text) == (False, False)


def test_every_key_of_a_shared_file_is_described_too() -> None:
    shared: dict[str, Any] = schema("suite")["$defs"]["shared"]
    assert list(shared["properties"]) == ["calls", "meshes", "expect"]


def test_the_readme_s_suite_is_one(tmp_path: Path) -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
    text = "meshsim: 1" + readme.partition("```yaml\nmeshsim: 1")[2].partition("```")[0]
    (tmp_path / "captures" / "staging").mkdir(parents=True)
    suite = load(written(tmp_path, text, "suites/suite.yaml"))
    assert len(suite.cases) == 1 + 4 + 4 and len(suite.guards) == 1
    assert VALIDATOR.is_valid(yaml.load(text, Loader=_Plain))  # noqa: S506  a safe loader


class _Plain(yaml.SafeLoader):
    """Dates stay texts, as in suites."""


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
