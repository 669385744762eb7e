"""Which settings each release of torch_tensorrt has, and what each of its wheels needs.

Read from the wheels on PyPI, 2.4.0 to 2.14.0: the fields of ``CompilationSettings`` in
dynamo/_settings.py, what ``parse_dynamo_kwargs`` in dynamo/utils.py takes besides, and METADATA.
That function drops any other option without a word.
"""

from __future__ import annotations

from clusterkit.engines.versions import Release

NEWEST: Release = (2, 14)
"""The newest that was read; newer ones are taken to have the same settings."""

_ALWAYS: tuple[Release, Release | None] = ((2, 4), None)

SETTINGS: dict[str, tuple[Release, Release | None]] = {
    "assume_dynamic_shape_support": _ALWAYS,
    "attn_bias_is_causal": ((2, 11), None),
    "autocast_calibration_dataloader": ((2, 10), None),
    "autocast_excluded_nodes": ((2, 10), None),
    "autocast_excluded_ops": ((2, 10), None),
    "autocast_low_precision_type": ((2, 10), None),
    "autocast_max_depth_of_reduction": ((2, 10), None),
    "autocast_max_output_threshold": ((2, 10), None),
    "cache_built_engines": ((2, 5), None),
    "cpu_memory_budget": ((2, 10), None),
    "custom_engine_cache": ((2, 5), None),
    "debug": ((2, 4), (2, 7)),
    "decompose_attention": ((2, 11), None),
    "device": _ALWAYS,
    "disable_tf32": _ALWAYS,
    "disabled_constant_fold_exclusions": ((2, 14), None),
    "dla_global_dram_size": _ALWAYS,
    "dla_local_dram_size": _ALWAYS,
    "dla_sram_size": _ALWAYS,
    "dryrun": _ALWAYS,
    "dynamic_shapes_kernel_specialization_strategy": ((2, 12), (2, 12)),
    "dynamically_allocate_resources": ((2, 11), None),
    "enable_autocast": ((2, 10), None),
    "enable_cross_compile_for_windows": ((2, 6), None),
    "enable_experimental_decompositions": _ALWAYS,
    "enable_resource_partitioning": ((2, 10), None),
    "enable_weight_streaming": ((2, 6), None),
    "enabled_precisions": ((2, 4), (2, 12)),
    "engine_cache_dir": ((2, 5), None),
    "engine_cache_size": ((2, 5), None),
    "engine_capability": _ALWAYS,
    "fallback_data_dependent_ops": ((2, 13), None),
    "hardware_compatible": _ALWAYS,
    "immutable_weights": ((2, 6), None),
    "l2_limit_for_tiling": ((2, 7), None),
    "lazy_engine_init": ((2, 5), None),
    "make_refittable": ((2, 5), (2, 5)),
    "max_aux_streams": _ALWAYS,
    "min_block_size": _ALWAYS,
    "num_avg_timing_iters": _ALWAYS,
    "offload_module_to_cpu": ((2, 8), None),
    "optimization_level": _ALWAYS,
    "pass_through_build_failures": _ALWAYS,
    "refit": ((2, 4), (2, 4)),
    "refit_identical_engine_weights": ((2, 6), None),
    "require_full_compilation": _ALWAYS,
    "reuse_cached_engines": ((2, 5), None),
    "runtime_cache_path": ((2, 12), (2, 12)),
    "sparse_weights": _ALWAYS,
    "strip_engine_weights": ((2, 6), None),
    "tiling_optimization_level": ((2, 7), None),
    "timing_cache_path": _ALWAYS,
    "torch_executed_ops": _ALWAYS,
    "truncate_double": _ALWAYS,
    "use_aot_joint_export": ((2, 6), (2, 6)),
    "use_complex_decomposition": ((2, 14), None),
    "use_distributed_mode_trace": ((2, 7), None),
    "use_explicit_typing": ((2, 6), (2, 12)),
    "use_fast_partitioner": _ALWAYS,
    "use_fp32_acc": ((2, 6), None),
    "use_python_runtime": ((2, 4), (2, 12)),
    "version_compatible": _ALWAYS,
    "workspace_size": _ALWAYS,
}
"""Name -> the first and the last release that has it; None: the newest still has it."""

UNUSABLE: dict[str, str] = {
    "autocast_calibration_dataloader": "is an object of Python",
    "custom_engine_cache": "is an object of Python",
    "device": "is each rank's own GPU",
    "enable_cross_compile_for_windows": "has no meaning on Linux",
    "engine_capability": "is an object of Python",
    "offload_module_to_cpu": "is ignored by torch.compile",
    "require_full_compilation": "is ignored by torch.compile",
    "strip_engine_weights": "is not supported by torch.compile",
    "use_aot_joint_export": "ends in a NameError of torch_tensorrt 2.6 where it is false",
}
"""Options that cannot be given here, and why."""

TENSORRT_OF: dict[Release, Release] = {
    (2, 4): (10, 1),
    (2, 5): (10, 3),
    (2, 6): (10, 7),
    (2, 7): (10, 9),
    (2, 8): (10, 12),
    (2, 9): (10, 13),
    (2, 10): (10, 14),
    (2, 11): (10, 15),
    (2, 12): (10, 16),
    (2, 13): (11, 0),
    (2, 14): (11, 1),
}
"""The TensorRT that each wheel asks for; its PyTorch has the number of the wheel itself."""
