"""Prompts and conversations as clients send them, and as the model gets them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from clusterkit.payloads.server.errors import ApiError, invalid

Prompt = str | list[int]
_ROLES = {"developer": "system", "system": "system", "user": "user", "assistant": "assistant"}
_SAID_BACK = {"annotations", "audio", "function_call", "refusal", "tool_calls"}
"""What clients send back with an answer that they got, empty as it was."""


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str


def spoken(number: int, sent: Any) -> Message:
    """One message of a chat; raise ValueError with what is wrong."""
    where = f"message {number}"
    if not isinstance(sent, dict):
        raise ValueError(f"{where} is no object")
    role = sent.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise ValueError(f"{where} has the role {role!r}, and {', '.join(_ROLES)} are known")
    for name in sent.keys() - {"role", "content", "name"}:
        if name not in _SAID_BACK:
            raise ValueError(f"{where} has a field {name!r}, which is not known")
        if sent[name]:
            raise ValueError(f"{where} has {name!r}, which this server cannot do")
    return Message(_ROLES[role], _text(where, sent.get("content")))


def _text(where: str, content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content:
        raise ValueError(f"{where} has no content: a string or a list of text parts is wanted")
    texts = []
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text":
            kind = part.get("type") if isinstance(part, dict) else part
            raise ValueError(f"{where} has a part of type {kind!r}, and only text is taken")
        if not isinstance(part.get("text"), str):
            raise ValueError(f"{where} has a text part without text")
        texts.append(part["text"])
    return "\n".join(texts)


def prompts_of(sent: Any) -> list[Prompt]:
    """The prompts of a completion: of one or several, text or token ids."""
    if isinstance(sent, str) or _are_ids(sent):
        return [sent]
    if isinstance(sent, list) and sent:
        texts = all(isinstance(one, str) for one in sent)
        if texts or all(_are_ids(one) for one in sent):
            return sent
    raise ValueError("a string, token ids, or a list of such is wanted, and not an empty one")


def _are_ids(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(one) is int for one in value)


def warm_up(tokenizer: Any) -> None:
    """Read a prompt and a chat once: the first of each takes much longer than those after it."""
    ids_of_prompt(tokenizer, "a")
    with suppress(ApiError):  # not every model can chat, and clients are told so
        ids_of_chat(tokenizer, [Message("user", "a")])


def ids_of_chat(tokenizer: Any, messages: list[Message]) -> list[int]:
    """A conversation as token ids, by the model's own template."""
    from jinja2 import TemplateError

    if not tokenizer.chat_template:
        raise invalid("this model has no chat template. Fix: ask /v1/completions", "messages")
    turns = [{"role": message.role, "content": message.content} for message in messages]
    try:
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    except (TemplateError, ValueError, TypeError) as error:
        message = f"messages: the model's chat template refuses them: {error}. Fix: change them"
        raise invalid(message, "messages") from None
    return _checked(tokenizer(text, add_special_tokens=False)["input_ids"], "messages")


def ids_of_prompt(tokenizer: Any, prompt: Prompt) -> list[int]:
    """The prompt of a completion as token ids."""
    if isinstance(prompt, str):
        return _checked(tokenizer(prompt, add_special_tokens=True)["input_ids"], "prompt")
    known = len(tokenizer)
    for token in prompt:
        if not 0 <= token < known:
            raise invalid(f"prompt: {token} is no token. Fix: use 0 to {known - 1}", "prompt")
    return prompt


def _checked(ids: list[int], param: str) -> list[int]:
    if not ids:
        raise invalid(f"{param}: is empty. Fix: write something", param)
    return ids
