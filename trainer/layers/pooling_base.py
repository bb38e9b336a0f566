"""What both poolings over time share: the checks, the fixed grid, and the configuration."""

from __future__ import annotations

from typing import Any

from trainer.layers.base import LengthLayer, check_choice, check_positive
from trainer.layers.time_grid import POOLING_RULES, TimeGrid


class WindowPooling(LengthLayer):
    """Base of the layers that pool windows of time on a grid fixed at the first real step.

    Args:
      pool_size: steps of a window.
      strides: steps between windows; `pool_size` when absent.
      padding: "valid" keeps only full windows and so drops the tail, as the stock layers do; "ceil" keeps the last,
        shorter window, so that no real step is lost and a short row never becomes empty.

    Raises:
      ValueError: a size that is no positive integer, or an unknown rule.
    """

    def __init__(self, pool_size: int = 2, strides: int | None = None, padding: str = "ceil", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        strides = pool_size if strides is None else strides
        check_positive(type(self).__name__, pool_size=pool_size, strides=strides)
        check_choice(type(self).__name__, "padding", padding, POOLING_RULES)
        self.grid = TimeGrid(pool_size, strides, rule=padding)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {
            "pool_size": self.grid.size,
            "strides": self.grid.stride,
            "padding": self.grid.rule,
        }
