"""Whatever is asked, the answer is one that is foreseen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusterkit.payloads.server.errors import ApiError
from clusterkit.payloads.server.fields import _NEUTRAL, _WITHOUT_EFFECT
from clusterkit.payloads.server.requests import ChatAsked, CompletionAsked, checked
from tests.unit.payloads.server.stand_in import NAME, Running, running

FIELDS = sorted({*_NEUTRAL, *_WITHOUT_EFFECT, *ChatAsked.model_fields})
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda some: (
        st.lists(some, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "type", "text"]), some, max_size=3)
    ),
    max_leaves=5,
)
REQUESTS = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), ANYTHING, max_size=4)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as server:
        yield server


@given(REQUESTS, st.sampled_from([ChatAsked, CompletionAsked]))
def test_any_fields_are_taken_or_refused_in_one_line(fields: dict[str, Any], kind: Any):
    known = {"model": NAME, "messages": [{"role": "user", "content": "a"}], "prompt": "a"}
    known.pop("prompt" if kind is ChatAsked else "messages")
    error = refusal(kind, {**known, **fields})
    if error is not None:
        assert error.status in {400, 404}
        assert "\n" not in error.message
        assert "Fix: " in error.message


def refusal(kind: Any, fields: dict[str, Any]) -> ApiError | None:
    try:
        checked(kind, fields, served=NAME)
    except ApiError as error:
        return error
    return None


def test_a_long_name_is_not_told_back_whole():
    error = refusal(CompletionAsked, {"model": NAME, "prompt": "a", "x" * 100_000: 1})
    assert error is not None
    assert error.message.startswith("xxx")
    assert error.message.endswith("xx: there is no such field. Fix: leave it out")
    assert (len(error.message), len(error.param or "")) == (500, 80)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(REQUESTS, st.sampled_from(["chat/completions", "completions"]))
def test_no_fields_bring_the_server_down(server: Running, fields: dict[str, Any], route: str):
    body = {"model": NAME, "prompt": "a"} if route == "completions" else {"model": NAME}
    response = server.post(f"/v1/{route}", json={**body, **fields})
    assert response.status_code in {200, 400, 404}
