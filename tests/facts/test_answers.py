"""Stated answers: what a call document may hold, and what no service could send."""

from typing import Any

import pytest

from meshsim.errors import InputError
from meshsim.facts.answer import MOST_BODY_BYTES, MOST_HEADER_BYTES, MOST_HEADERS, Answer
from meshsim.facts.call import Call, check_call, read_call

SITE = "0/filter/authz"


def read(answer: Any) -> Answer:
    return read_call({"answers": {SITE: answer}}).answers[SITE]


def test_only_the_status_is_needed() -> None:
    assert read({"status": 401}) == Answer(401)
    whole = read({"status": 403, "headers": {"X-Many": ["1", "2"], "x-many": "3"}, "body": "no"})
    assert (whole.header_values(), whole.body) == ({"x-many": ("1", "2", "3")}, "no")


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        (401, SITE),
        ({}, SITE),
        ({"status": 401, "reason": "x"}, SITE),
        ({"status": "401"}, f"{SITE}.status"),
        ({"status": 101}, f"{SITE}.status"),
        ({"status": 600}, f"{SITE}.status"),
        ({"status": 401, "headers": {":status": "200"}}, f"{SITE}.headers"),
        ({"status": 401, "headers": {"a b": "1"}}, f"{SITE}.headers"),
        ({"status": 401, "headers": {"a": []}}, f"{SITE}.headers"),
        ({"status": 401, "headers": {"a": 1}}, f"{SITE}.headers.a"),
        ({"status": 401, "headers": {"a": "1\r\nb: 2"}}, f"{SITE}.headers.a"),
        ({"status": 401, "headers": {"a": ["1"] * (MOST_HEADERS + 1)}}, f"{SITE}.headers"),
        ({"status": 401, "headers": {"a": "1" * MOST_HEADER_BYTES}}, f"{SITE}.headers"),
        ({"status": 401, "body": None}, f"{SITE}.body"),
        ({"status": 401, "body": "é" * (MOST_BODY_BYTES // 2 + 1)}, f"{SITE}.body"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_cannot_be_is_named_with_its_place_and_without_its_value(answer: Any, place: str) -> None:
    with pytest.raises(InputError) as caught:
        read(answer)
    assert f"'answers.{place}'" in caught.value.message and len(caught.value.message) < 200


def test_a_call_made_in_python_is_held_to_the_same() -> None:
    check_call(Call(answers={SITE: Answer(401, {"a": ("1", "2")})}))
    for wrong in (Answer(99), Answer(401, {"a": "\n"}), Answer(401, body=5)):  # type: ignore[arg-type]
        with pytest.raises(InputError):
            check_call(Call(answers={SITE: wrong}))
