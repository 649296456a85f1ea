"""Matrix products of the learner in bfloat16, where the processor multiplies these faster."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["auto", "float32", "bfloat16"]


def is_low(precision: Precision, device: torch.device) -> bool:
    """Whether networks on this device compute in bfloat16; auto: on a CPU with AVX-512 BF16.

    Without these instructions a CPU is slower in bfloat16; a GPU was not measured.
    """
    if precision != "auto":
        return precision == "bfloat16"
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def autocast(low: bool, device: torch.device) -> torch.autocast:
    """Linear layers and matrix products in bfloat16, as torch's automatic mixed precision; weights,
    their gradients and the optimizer stay in float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=low)
