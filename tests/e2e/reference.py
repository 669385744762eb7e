"""Greedy tokens of one plain transformers process: what every split must equal.

Run as ``python reference.py MODEL_FOLDER MAX_TOKENS PROMPT…``; prints a JSON list of token lists.
"""

from __future__ import annotations

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, max_tokens, *prompts = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
answers = []
for prompt in prompts:
    chat = [{"role": "user", "content": prompt}]
    given = tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    made = model.generate(**given, do_sample=False, max_new_tokens=int(max_tokens))
    answers.append(made[0, given["input_ids"].shape[1] :].tolist())
sys.stdout.write(json.dumps(answers))
