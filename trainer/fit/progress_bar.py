"""The progress of a run on the terminal: a bar where someone watches, one line an epoch where it goes to a file."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from trainer.fit.loop import StepReport


class ProgressBar:
    """Shows steps and epochs of a run.

    Args:
      console: where to write.
      epochs: of the whole run.
    """

    def __init__(self, console: Console, epochs: int) -> None:
        self._console = console
        self._epochs = epochs
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def on_steps(self, report: StepReport) -> None:
        """Moves the bar of the epoch under way."""
        if not self._console.is_terminal:
            return
        if self._bar is None:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[state]}"),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(f"epoch {report.epoch + 1}/{self._epochs}", total=report.steps, state="")
        figures = "  ".join(f"{name} {value:.4f}" for name, value in report.metrics.items())
        state = f"{figures}  {report.tokens_per_second:,.0f} steps of data/s"
        self._bar.update(self._task, completed=report.step, state=state)

    def on_epoch(self, epoch: int, global_step: int, metrics: dict[str, float]) -> None:
        """Writes the line of a finished epoch."""
        self.close()
        shown = [
            f"{name.replace('train_', '').replace('validation_', 'validation ')} {value:.4f}"
            for name, value in metrics.items()
            if name in ("train_loss", "train_accuracy", "train_mae")
            or name in ("validation_loss", "validation_accuracy", "validation_mae")
        ]
        self._console.print(
            f"epoch {epoch + 1}/{self._epochs}  {'  '.join(shown)}  "
            f"{metrics['tokens_per_second']:,.0f} steps of data/s  {metrics['seconds']:.1f} s",
            highlight=False,
            soft_wrap=True,
        )

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
