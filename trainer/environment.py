"""The process that a run trains in: seeds, determinism, precision, devices, and what to note of it.

Each backend does without the others' packages; on JAX and PyTorch, TensorFlow need not be installed.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import Any

from trainer.config import ConfigError, TrainerConfig


def set_up(config: TrainerConfig) -> str:
    """Seeds all generators and sets the precision; call it before a model is built.

    Args:
      config: of the run.

    Returns:
      The precision in use: float32, mixed_bfloat16 or mixed_float16.
    """
    import keras

    keras.utils.set_random_seed(config.seed)  # imports TensorFlow where it is installed, to seed it too
    if keras.backend.backend() == "tensorflow":
        _make_tensorflow_deterministic(config.deterministic)
    else:
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is not None:
            tensorflow.config.set_visible_devices([], "GPU")  # the accelerator is the backend's
    precision = config.precision
    if precision == "auto":
        precision = "mixed_bfloat16" if has_fast_bfloat16() else "float32"
    keras.config.set_dtype_policy(precision)
    return precision


def _make_tensorflow_deterministic(wanted: bool) -> None:
    import tensorflow as tf

    if wanted:
        # Sums in the gradient of an embedding are otherwise added in the order in which threads finish.
        tf.config.experimental.enable_op_determinism()


def device_count(config: TrainerConfig) -> int:
    """Devices that share every batch.

    Args:
      config: of the run.

    Raises:
      ConfigError: more than there are.
    """
    if config.devices == 1:
        return 1
    present = 1 if backend_name() == "torch" else len(device_names())
    wanted = present if config.devices == "all" else int(config.devices)
    if wanted > present:
        raise ConfigError(
            f"devices: received {wanted}, {backend_name()} sees {present} ({', '.join(device_names())}); "
            "use that many or 'all'"
        )
    return wanted


def has_fast_bfloat16() -> bool:
    """Whether the backend's accelerator computes in bfloat16: GPUs of compute capability 8.0 on, and TPUs."""
    if backend_name() == "jax":
        import jax

        device = jax.devices()[0]
        capability = str(getattr(device, "compute_capability", "0"))
        return device.platform == "tpu" or (device.platform == "gpu" and float(capability) >= 8.0)
    if backend_name() == "torch":
        import torch

        return torch.cuda.is_available() and torch.cuda.get_device_capability()[0] >= 8
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return False
    return tf.config.experimental.get_device_details(devices[0]).get("compute_capability", (0, 0))[0] >= 8


def describe() -> dict[str, Any]:
    """Versions and devices, for training.json."""
    packages = sorted({"keras", "numpy", backend_name()})
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "backend": backend_name(),
        **{name: importlib.metadata.version(name) for name in packages},
        "devices": device_names(),
    }


def backend_name() -> str:
    """What Keras runs on: tensorflow, jax or torch."""
    import keras

    return str(keras.backend.backend())


def device_names() -> list[str]:
    """The devices that the backend computes on; the processor only where it has nothing faster."""
    if backend_name() == "jax":
        import jax

        return [str(device) for device in jax.devices()]
    if backend_name() == "torch":
        import torch

        return [f"cuda:{index}" for index in range(torch.cuda.device_count())] or ["cpu"]
    import tensorflow as tf

    for kind in ("TPU", "GPU", "CPU"):
        names = [device.name for device in tf.config.list_logical_devices(kind)]
        if names:
            return names
    return []
