"""Fields of OpenAI's requests that nothing is done about: left out, or refused."""

from __future__ import annotations

from typing import Any

from clusterkit.payloads.server.errors import invalid

_WITHOUT_EFFECT = frozenset(
    {
        "metadata",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
    }
)
"""They tell OpenAI who asks and what to keep, and change no answer."""

_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "audio": (),
    "best_of": (1,),
    "echo": (False,),
    "frequency_penalty": (0,),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "logit_bias": ({},),
    "min_p": (0,),
    "min_tokens": (0,),
    "modalities": (["text"],),
    "moderation": (),
    "n": (1,),
    "parallel_tool_calls": (True, False),
    "prediction": (),
    "presence_penalty": (0,),
    "reasoning_effort": ("none",),
    "repetition_penalty": (1,),
    "response_format": ({"type": "text"},),
    "suffix": ("",),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_k": (0, -1),
    "verbosity": ("medium",),
    "web_search_options": (),
}
"""Fields that would change the answer, and the values with which they would not."""


def without_idle_fields(sent: dict[str, Any]) -> dict[str, Any]:
    """What is left to be looked at; null means absent, as clients send it.

    Raises:
        ApiError: If a field would change the answer in a way that this server cannot.
    """
    left = {}
    for name, value in sent.items():
        if value is None or name in _WITHOUT_EFFECT:
            continue
        if name not in _NEUTRAL:
            left[name] = value
        elif value not in _NEUTRAL[name]:
            raise invalid(f"{name}: this server cannot do that. Fix: leave it out", name)
    return left
