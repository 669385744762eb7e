"""The flags that every version has, beside run.py as in the vendor's examples."""

from __future__ import annotations

import argparse


def arguments() -> argparse.Namespace:
    """What is given; unknown flags end the program with code 2."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for flag in (
        "--engine_dir",
        "--tokenizer_dir",
        "--model_name",
        "--log_level",
        "--max_output_len",
        "--max_new_tokens",
        "--max_input_length",
        "--temperature",
        "--top_k",
        "--top_p",
        "--random_seed",
    ):
        parser.add_argument(flag)
    parser.add_argument("--input_text", nargs="+")
    parser.add_argument("--streaming", action="store_true")
    parser.add_argument("--no_prompt_template", action="store_true")
    return parser.parse_args()
