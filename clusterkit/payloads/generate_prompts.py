"""Prompts as the model gets them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from clusterkit.payloads.generate_events import Failed, Refused


def read_prompts(request: dict[str, Any]) -> list[tuple[Any, str, list[int]]]:
    """Each prompt as the model gets it: tokenizer, text, token ids. All must fit the context."""
    from transformers import AutoConfig, AutoTokenizer

    if not Path(request["model"], "config.json").is_file():
        raise Failed(f"{os.uname().nodename}: no model in {request['model']}. Fix: build it there")
    tokenizer = AutoTokenizer.from_pretrained(request["model"])
    if not request["raw"] and not tokenizer.chat_template:
        raise Refused(f"{request['model']} has no chat template. Fix: `--raw`")
    config = AutoConfig.from_pretrained(request["model"]).get_text_config()
    context = getattr(config, "max_position_embeddings", None)
    prompts, problems = [], []
    for number, prompt in enumerate(request["prompts"], 1):
        text = prompt if request["raw"] else in_chat(tokenizer, request["system"], prompt)
        ids = tokenizer(text, add_special_tokens=request["raw"])["input_ids"]
        prompts.append((tokenizer, text, ids))
        if not ids:
            problems.append(f"prompt {number} is empty. Fix: write one")
        elif context and len(ids) + request["max_tokens"] > context:
            problems.append(too_long(number, len(ids), request["max_tokens"], context))
    if problems:
        raise Refused("\n".join(problems))
    return prompts


def in_chat(tokenizer: Any, system: str | None, prompt: str) -> str:
    """The prompt as the only question of a conversation."""
    messages = [{"role": "user", "content": prompt}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return text


def too_long(number: int, tokens: int, max_tokens: int, context: int) -> str:
    """What is wrong with a prompt that does not fit, and what would."""
    fix = f"`--max-tokens {context - tokens}` at most" if tokens < context else "a shorter prompt"
    return (
        f"prompt {number} has {tokens} tokens and {max_tokens} may follow; the model's context "
        f"is {context}. Fix: {fix}"
    )
