"""Stand-ins of TensorRT-LLM, which runs only with NVIDIA's GPUs and packages.

``programs`` are its command lines, ``tensorrt_llm_package`` is what they import.
"""
