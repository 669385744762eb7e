from __future__ import annotations

import json

import pytest

from clusterkit.model.redaction import Redactor, public, secret_values

KEY = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\nAAAA\n"
    "-----END OPENSSH PRIVATE KEY-----"
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"before {KEY} after", "before *** after"),
        (json.dumps({"a": KEY}), '{"a": "***"}'),
        ("-----BEGIN RSA PRIVATE KEY-----\ncut off", "***"),
        ("got hf_abcdefghijKLMNOP01 today", "got *** today"),
        ("ghp_0123456789abcdef0123, sk-proj-0123456789abcdef", "***, ***"),
        ("AKIAIOSFODNN7EXAMPLE", "***"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "***"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
        ("https://me:pa55@example.net/x", "https://***@example.net/x"),
        ("WANDB_API_KEY=0123456789", "WANDB_API_KEY=***"),
        ('{"hf_token": "value-1"}', '{"hf_token": "***"}'),
        ("password: hunter2hunter2", "password: ***"),
        ("run --token abcdef12 --next", "run --token *** --next"),
        ("/home/ann/x and /home/ann", "~/x and ~"),
        ("the canary sings", "the *** sings"),
        # What is left alone: prose, and the names of things.
        ("every token comes from rank 0", "every token comes from rank 0"),
        ("128 tokens in 3 s; max_tokens 64", "128 tokens in 3 s; max_tokens 64"),
        (
            "SHA256:apgaXjyJ0f0LWRE5ZhO515UGoQWBha0EVKAc81wNXnU",
            "SHA256:apgaXjyJ0f0LWRE5ZhO515UGoQWBha0EVKAc81wNXnU",
        ),
        ('{"max_tokens": 4096}', '{"max_tokens": 4096}'),
        ('{"token": null}', '{"token": null}'),
        ("sk-8 is a branch", "sk-8 is a branch"),
    ],
)
def test_what_is_masked_and_what_is_not(text, left):
    assert Redactor(("canary", "1"), "/home/ann")(text) == left


def test_a_known_value_is_found_as_json_writes_it_and_line_by_line():
    known = 'line one "quoted"\nline two'
    text = json.dumps({"log": f"x {known} y"}) + "\nonly line two of it"

    assert Redactor((known,))(text) == '{"log": "x *** y"}\nonly *** of it'


def test_the_longest_goes_first():
    assert Redactor(("secret-a", "secret-a-b"))("secret-a-b secret-a") == "*** ***"


INVENTORY = {
    "nodes": {"node1": {"container": {"env": {"A": "one", "HF_TOKEN": "two"}}}},
    "container": {"env": {}, "build": {"args": {"PIP": "three"}, "context": "."}},
    "mounts": [{"env": {"B": "four"}}],
}


def test_every_value_of_an_environment_is_masked_whatever_its_name():
    assert public(INVENTORY) == {
        "nodes": {"node1": {"container": {"env": {"A": "***", "HF_TOKEN": "***"}}}},
        "container": {"env": {}, "build": {"args": {"PIP": "***"}, "context": "."}},
        "mounts": [{"env": {"B": "***"}}],
    }
    assert list(secret_values(INVENTORY)) == ["one", "two", "three", "four"]
