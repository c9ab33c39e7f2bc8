"""A suite is read with line and column; what is wrong is told with the nearest valid name, never guessed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.errors import InputError
from meshsim.suite import load
from meshsim.suite.discover import discover
from meshsim.suite.source import is_suite
from tests.suite_files import loaded, refused, written

CALL = "call: http://helloworld/hello"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("meshsim: 1\n", True),
        ("# a question\n\n---\nmeshsim: 1\n", True),
        ("'meshsim': 1\n", True),
        ('%YAML 1.2\n---\n"meshsim": 1\n', True),
        ("meshsimulation: 1\n", False),
        ("kind: HostFacts\nmeshsim: 1\n", False),
        ("  - meshsim: 1\n", False),
        ("", False),
    ],
)
def test_a_suite_is_told_by_its_first_key(text: str, is_one: bool) -> None:
    assert is_suite(text) is is_one


@pytest.mark.parametrize(
    ("line", "said", "hint"),
    [
        ("{cal: http://a/, expect: {outcome: loop}}", "test t has no key 'cal'", "did you mean call?"),
        ("{call: http://a/, expect: {outcom: loop}}", "expect has no key 'outcom'", "did you mean outcome?"),
        ("{call: http://a/, expect: {client: {clutser: x}}}", "client has no key 'clutser'", "did you mean cluster?"),
        ("{call: http://a/, expect: {outcome: delivred}}", "outcome is never delivred", "did you mean delivered?"),
        ("{call: http://a/, expect: {status: ok}}", "status is never ok", "it is integer"),
        ("{call: http://a/, expect: mtsl}", "no expectation is named 'mtsl'", "did you mean mtls?"),
        ("{call: fronend, expect: mtls}", "no call is named 'fronend'", "did you mean frontend?"),
        ("{call: {destinaton: a}, expect: mtls}", "call has no key 'destinaton'", "did you mean destination?"),
        ("{call: {uid: x}, expect: mtls}", "call field 'uid' is 'x'", "give an integer"),
        ("{call: 'curl --fial http://a/', expect: mtls}", "--fial means nothing to a trace", "did you mean --fail?"),
        ("{call: 'http://a:99999/', expect: mtls}", "'99999' is no port", "ports go"),
        ("{call: http://a/}", "test t expects nothing", "say expect:"),
        ("{expect: mtls}", "test t has no call", "such as"),
        ("{call: http://a/, expect: {}}", "an empty object expects nothing", "name a field"),
        ("{call: http://a/, expect: {outcome: []}}", "outcome is one of nothing", "name at least one"),
        ("{call: http://a/, expect: {client: {route: /(/}}}", "is no RE2 expression", "RE2 has no look-around"),
        ("{call: http://a/, expect: {any_hop: bypassed}}", "any_hop cannot be bypassed", "say client: bypassed"),
        ("{call: http://a/, expect: {client: {tls: mtls}}}", "tls is a text, not an object", "write an object"),
        ("{call: 'http://${hots}/', for: {host: [a]}, expect: mtls}", "nothing uses ${host}", "did you mean hots?"),
        ("{call: 'http://${host}${p}/', for: {host: [a]}, expect: mtls}", "no variable 'p'", "variables come from"),
        ("{call: 'http://${h}/', for: {h: []}, expect: mtls}", "an empty list makes no test", "at least one"),
        ("{call: 'http://${h}/', for: {h: [a, a]}, expect: mtls}", "a stands twice", "keep one"),
        ("{call: http://a/, shares: {client.subsett: {v1: 1 %}}}", "no field 'client.subsett'", "did you mean subset?"),
        ("{call: http://a/, shares: {client.subset: {v1: 0.9}}}", "v1 is no share", "such as 90 %"),
        ("{call: http://a/, shares: {status: {200: 90 %, 503: 20 %}}}", "more than 100 %", "check the numbers"),
        ("{call: http://a/, expect: mtls, known_gap: {why: x}}", "a known gap needs until:", "such as"),
        ("{call: http://a/, expect: mtls, known_gap: {why: x, until: soon}}", "soon is no date", "such as"),
        ("{call: 'http://${h}/', expect: mtls}", "no variable 'h'", "for:"),
        ("{call: http://a/, expect: {some: {some: {status: 1}}}}", "some: inside some:", "beside"),
    ],
)
def test_what_is_wrong_is_named_with_a_remedy(tmp_path: Path, line: str, said: str, hint: str) -> None:
    text = f"""\
        meshsim: 1
        calls: {{frontend: http://frontend/}}
        expect: {{mtls: {{client: {{tls: {{mode: mtls}}}}}}}}
        tests:
          t: {line}
        """
    error = refused(tmp_path, text)
    assert said in str(error)
    assert hint in error.hint
    assert error.place is not None and error.place.line == 5 and error.place.column is not None


def test_the_column_is_that_of_the_key(tmp_path: Path) -> None:
    error = refused(tmp_path, "meshsim: 1\ntests:\n  t: {call: http://a/, expect: {client: {rout: x}}}\n")
    assert str(error).startswith("suite.yaml:3:42: ")


@pytest.mark.parametrize(
    "word",
    ["on", "No", "yes", "off", "2027-01-31", "12:30", "0777", "1_000", ".inf", "0b11", "2027-01-31 10:00:00"],
)
def test_words_that_readers_of_yaml_disagree_on_are_refused_with_their_line(tmp_path: Path, word: str) -> None:
    text = "meshsim: 1\ntests:\n  t:\n    call: {headers: {x-flag: %s}, destination: a}\n    expect: {outcome: loop}\n"
    error = refused(tmp_path, text % word)
    assert error.reference == "yaml-surprise"
    assert error.place is not None and error.place.line == 4
    assert word in error.message and f'"{word}"' in error.hint
    quoted = loaded(tmp_path, text % f'"{word}"')
    assert quoted.cases[0].call.headers == {"x-flag": word}


@pytest.mark.parametrize("word", ["2026-11-20T09:00:00Z/41", "2026-11-20-rc1", "2026-1-2", "2026-11-20T09"])
def test_what_only_begins_like_a_date_is_a_text(tmp_path: Path, word: str) -> None:
    text = f"meshsim: 1\ntests:\n  t: {{call: http://a/, expect: {{client: {{config_version: {word}}}}}}}\n"
    assert loaded(tmp_path, text).cases[0].expectation is not None


@pytest.mark.parametrize("gap", ["", "\n  ", "\r\n"])
def test_a_suite_may_be_written_as_json(tmp_path: Path, gap: str) -> None:
    text = "{" + gap + '"meshsim": 1, "tests": {"t": {"call": "http://a/", "expect": {"status": 1}}}}'
    assert is_suite(text)
    assert [case.id for case in loaded(tmp_path, text).cases] == ["t"]
    assert not is_suite('{"tests": [], "meshsim": 1}')


def test_they_are_refused_as_keys_too_but_a_gap_may_end_on_a_plain_date(tmp_path: Path) -> None:
    assert refused(tmp_path, "meshsim: 1\nmesh: x\non: y\n").reference == "yaml-surprise"
    gap = "known_gap: {why: x, until: 2027-01-31}"
    suite = loaded(tmp_path, f"meshsim: 1\ntests:\n  t: {{call: http://a/, expect: {{status: 1}}, {gap}}}\n")
    assert suite.cases[0].gap is not None and suite.cases[0].gap.until.isoformat() == "2027-01-31"


def test_aliases_work_but_a_bomb_of_them_is_refused(tmp_path: Path) -> None:
    suite = loaded(
        tmp_path,
        """\
        meshsim: 1
        tests:
          a: {call: http://a/, expect: &e {client: {route: x}}}
          b: {call: http://b/, expect: *e}
        """,
    )
    first, second = (case.expectation.fields[0] for case in suite.cases)
    assert (first.name, first.want) == (second.name, second.want)
    assert second.place.line == 4
    bomb = "".join(f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 9))
    assert refused(tmp_path, f"meshsim: 1\nexpect:\n  l0: &l0 [x]\n{bomb}").reference == "too-many-aliases"


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("meshsim: 1\n", "suite-without-tests"),
        ("meshsim: 1\ntests: {}\n", "suite-without-tests"),
        ("meshsim: 2\ntests: {}\n", "suite-version"),
        ("suite: x\nmeshsim: 1\n", "not-a-suite"),
        ("meshsim: 1\n---\nmeshsim: 1\n", "two-documents"),
        ("meshsim: 1\ntests:\n  a: {}\n  a: {}\n", "duplicate-key"),
        ("meshsim: 1\nconfig: nowhere.json\ntests: {}\n", "no-such-file"),
        ("meshsim: 1\nuse: nowhere.yaml\ntests: {}\n", "no-such-file"),
        ("meshsim: 1\nmesh: prod\ntests: {}\n", "suite-no-mesh"),
        ("meshsim: 1\ntests: [", "bad-yaml"),
        ("meshsim: 1\nexpect: {a: [b], b: [a]}\ntests: {t: {call: http://a/, expect: a}}\n", "suite-circular-name"),
        ("meshsim: 1\ncalls: {a: b, b: a}\ntests: {t: {call: a, expect: {status: 1}}}\n", "suite-circular-name"),
        (
            "meshsim: 1\nnever: [{some: {status: 1}}]\ntests: {t: {call: http://a/, expect: {status: 1}}}\n",
            "suite-guard",
        ),
        (
            "meshsim: 1\ncoverage: {x: {routes: 1 %}}\ntests: {t: {call: http://a/, expect: {status: 1}}}\n",
            "suite-coverage",
        ),
    ],
)
def test_a_suite_that_cannot_be_used_says_why(tmp_path: Path, text: str, reference: str) -> None:
    assert refused(tmp_path, text).reference == reference


def test_used_files_share_calls_meshes_and_expectations_relative_to_themselves(tmp_path: Path) -> None:
    written(tmp_path, "{}", "shared/dump.json")
    shared = "meshes: {prod: {config: dump.json}, demo: {outbound_policy: REGISTRY_ONLY}}\n"
    written(tmp_path, shared + "calls: {front: http://front/}\nexpect: {gone: {outcome: refused}}\n", "shared/all.yaml")
    text = "meshsim: 1\nuse: shared/all.yaml\nmesh: [prod, demo]\ntests: {t: {call: front, expect: gone}}\n"
    suite = load(written(tmp_path, text))
    assert [case.mesh.name for case in suite.cases] == ["prod", "demo"]
    assert suite.cases[0].mesh.paths == (str(tmp_path / "shared" / "dump.json"),)
    assert suite.cases[1].mesh.outbound_policy == "REGISTRY_ONLY"
    assert suite.files[1] == str(tmp_path / "shared" / "all.yaml")
    twice = text.replace("tests", "calls: {front: http://other/}\ntests")
    with pytest.raises(InputError, match="'front' is named twice"):
        load(written(tmp_path, twice))
    written(tmp_path, "meshsim: 1\n", "shared/all.yaml")
    with pytest.raises(InputError, match="is a suite itself"):
        load(written(tmp_path, text))


MATRIX = """\
    meshsim: 1
    expect: {{yes-it-may: {{outcome: forwarded}}, denied: {{status: 403}}}}
    access:
      call: http://reviews:9080/
      rows: {{from: [sleep, ratings]}}
      columns: {{path: [/a, /b], headers.x-user: [jason]}}
      expect: {cells}
    """


def test_a_matrix_becomes_a_case_a_cell(tmp_path: Path) -> None:
    suite = loaded(tmp_path, MATRIX.format(cells="[[yes-it-may, denied], [denied, {status: 404}]]"))
    assert [case.id for case in suite.cases] == [
        "access[sleep,/a,jason]",
        "access[sleep,/b,jason]",
        "access[ratings,/a,jason]",
        "access[ratings,/b,jason]",
    ]
    last = suite.cases[3]
    assert (last.call.from_, last.call.path, last.call.headers) == ("ratings", "/b", {"x-user": "jason"})
    assert last.expectation.fields[0].want.text == "404"


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("[[denied, denied], [denied]]", "no cell for from = ratings and path = /b"),
        ("[[denied, denied], [denied, ]]", "no cell for from = ratings and path = /b"),
        ("[[denied, denied], [~, denied]]", "no cell for from = ratings and path = /a"),
        ("[[denied, denied]]", "no cells for the row from = ratings"),
        ("[[denied, denied], [denied, denied], [denied]]", "expect has 3 rows"),
        ("[[denied, denied, denied], [denied, denied]]", "3 cells in a row"),
    ],
)
def test_an_absent_cell_is_an_error(tmp_path: Path, cells: str, said: str) -> None:
    assert said in refused(tmp_path, MATRIX.format(cells=cells)).message


def test_later_expectations_are_laid_over_earlier_ones(tmp_path: Path) -> None:
    suite = loaded(
        tmp_path,
        """\
        meshsim: 1
        expect:
          base: {outcome: [delivered, forwarded], client: {tls: {mode: mtls, sni: a}, route: x}}
        tests:
          over: {call: http://a/, expect: [base, {client: {tls: {mode: plaintext}}}]}
          gone: {call: http://a/, expect: [base, {client: bypassed}]}
          back: {call: http://a/, expect: [base, {client: bypassed}, {client: {route: z}}]}
        """,
    )
    said = [{each.name: each.want.text for each in case.expectation.fields} for case in suite.cases]
    outcome = {"outcome": "[delivered, forwarded]"}
    assert said[0] == {**outcome, "client.tls.mode": "plaintext", "client.tls.sni": "a", "client.route": "x"}
    assert said[1] == {**outcome, "client": "bypassed"}
    assert said[2] == {**outcome, "client.route": "z"}


def test_defaults_fill_what_a_call_does_not_say_and_headers_are_joined(tmp_path: Path) -> None:
    suite = loaded(
        tmp_path,
        """\
        meshsim: 1
        defaults: {from: sleep, method: PUT, headers: {x-a: "1", x-b: "1"}}
        tests:
          url: {call: http://a/p, expect: {status: 1}}
          curl: {call: "curl -s -X POST -H 'x-b: 2' http://a/", expect: {status: 1}}
          document: {call: {destination: "a:1", from: ratings}, expect: {status: 1}}
        """,
    )
    url, curl, document = (case.call for case in suite.cases)
    assert (url.from_, url.method, url.path, url.destination) == ("sleep", "PUT", "/p", "a:80")
    assert (curl.method, dict(curl.headers)) == ("POST", {"x-a": "1", "x-b": "2"})
    assert (document.from_, document.method) == ("ratings", "PUT")


def test_a_variable_alone_keeps_its_type_and_an_escaped_one_stays(tmp_path: Path) -> None:
    suite = loaded(
        tmp_path,
        """\
        meshsim: 1
        tests:
          t:
            for: {uid: [1337, 1000], word: [a]}
            call: {destination: "a:1", uid: "${uid}", path: "/${word}$${word}"}
            expect: {client: {route: "${word}-${uid}"}}
        """,
    )
    first, second = suite.cases
    assert (first.id, first.call.uid, first.call.path) == ("t[1337,a]", 1337, "/a${word}")
    assert (second.id, second.expectation.fields[0].want.text) == ("t[1000,a]", "a-1000")


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text("abc${}/[]: %-", max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "call",
                        "expect",
                        "for",
                        "shares",
                        "some",
                        "not",
                        "client",
                        "outcome",
                        "a",
                        "tls",
                        "known_gap",
                        "tags",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_stands_in_a_test_is_read_or_refused_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, data: object
) -> None:
    path = tmp_path_factory.mktemp("any") / "suite.yaml"
    path.write_text("meshsim: 1\ntests:\n  t: " + json.dumps(data) + "\n", encoding="utf-8")
    try:
        load(path)
    except InputError as error:
        assert error.place is not None and error.place.line is not None


def test_names_of_names_are_read_once_and_an_avalanche_of_them_is_refused(tmp_path: Path) -> None:
    chain = "".join(f"  e{n}: [{', '.join([f'e{n - 1}'] * 50)}]\n" for n in range(1, 9))
    text = (
        f"meshsim: 1\nexpect:\n  e0: {{client: {{route: x}}}}\n{chain}tests: {{t: {{call: http://a/, expect: e8}}}}\n"
    )
    assert [each.name for each in loaded(tmp_path, text).cases[0].expectation.fields] == ["client.route"]
    assert refused(tmp_path, text.replace("{client: {route: x}}", "{some: {status: 1}}")).reference == "suite-too-large"


def test_a_variable_that_nobody_fills_is_refused(tmp_path: Path) -> None:
    text = "meshsim: 1\nexpect: {e: {client: {route: '${x}'}}}\ntests: {t: {call: http://a/, expect: e}}\n"
    assert refused(tmp_path, text).reference == "suite-no-variable"


def test_a_pipe_is_no_suite_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path, tmp_path / "pipe.yaml"):
        with pytest.raises(InputError, match="no suite"):
            discover([str(path)])


def test_a_second_document_is_told_where_it_begins(tmp_path: Path) -> None:
    place = refused(tmp_path, "meshsim: 1\nmesh: x\n---\nmeshsim: 1\n").place
    assert place is not None and (place.line, place.column) == (3, 1)
