"""The process that a run trains in: seeds, determinism, precision, and what to note of it."""

from __future__ import annotations

import platform
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
    import tensorflow as tf

    if config.deterministic:
        # Sums in the gradient of an embedding are otherwise added in the order in which threads finish.
        tf.config.experimental.enable_op_determinism()
    if keras.backend.backend() != "tensorflow":
        tf.config.set_visible_devices([], "GPU")  # TensorFlow only reads here; the accelerator is the backend's
    keras.utils.set_random_seed(config.seed)
    precision = config.precision
    if precision == "auto":
        precision = "mixed_bfloat16" if has_fast_bfloat16() else "float32"
    keras.config.set_dtype_policy(precision)
    return precision


def device_count(config: TrainerConfig) -> int:
    """Devices that share every batch.

    Args:
      config: of the run.

    Raises:
      ConfigError: more than there are.
    """
    if config.devices == 1:
        return 1
    present = len(device_names())
    wanted = present if config.devices == "all" else int(config.devices)
    if wanted > present:
        raise ConfigError(f"devices: received {wanted}, this machine has {present}; use that or 'all'")
    return wanted


def has_fast_bfloat16() -> bool:
    """Whether the backend's accelerator computes in bfloat16: GPUs of compute capability 8.0 on, and TPUs."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        device = jax.devices()[0]
        capability = str(getattr(device, "compute_capability", "0"))
        return device.platform == "tpu" or (device.platform == "gpu" and float(capability) >= 8.0)
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return False
    return tf.config.experimental.get_device_details(devices[0]).get("compute_capability", (0, 0))[0] >= 8


def describe() -> dict[str, Any]:
    """Versions and devices, for training.json."""
    import keras
    import numpy
    import tensorflow as tf

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "tensorflow": tf.__version__,
        "numpy": numpy.__version__,
        "devices": device_names(),
    }


def device_names() -> list[str]:
    """The backend's devices."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return [str(device) for device in jax.devices()]
    import tensorflow as tf

    return [device.name for device in tf.config.list_logical_devices() if device.device_type in ("CPU", "GPU", "TPU")]
