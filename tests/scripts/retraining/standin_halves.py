"""Stand-ins for the two halves that finish in milliseconds: their files have the real names, in the real order.

What a span holds decides what happens: a file with the word `garbage` cannot be read, `columns` has other columns,
`drift` gives drifted statistics, `gate` fails the export gate, `worse` makes a worse challenger, `crash` ends the
trainer with a traceback.
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class StandInHalves:
    """Runs commands in this process.

    Args:
      templates: directory with manifest.json, statistics.json and drifted.json of a small dataset.
    """

    def __init__(self, templates: Path) -> None:
        self._templates = templates
        self.commands: list[str] = []

    def run(self, module: str, arguments: Sequence[str], log: Path) -> int:
        self.commands.append(module)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as output:
            play = {"pipeline": self._pipeline, "trainer": self._trainer, "trainer.compare": self._compare}[module]
            status, words = play(_flags(arguments))
            output.write(words + "\n")
        return status

    def _pipeline(self, flags: dict[str, Any]) -> tuple[int, str]:
        files = sorted(path for pattern in flags["input"] for path in glob.glob(pattern))
        content = "".join(Path(path).read_text() for path in files)
        for word, error in (
            ("garbage", "cannot be read as Parquet"),
            ("columns", "no column 'text', which text needs"),
        ):
            bad = [path for path in files if word in Path(path).read_text()]
            if bad:
                return 2, f"error: {bad[0]}: {error}"
        output = Path(flags["output"])
        for left in output.parent.glob(f"{output.name}.staging-*"):
            shutil.rmtree(left)
        staging = output.with_name(f"{output.name}.staging-{os.getpid()}")
        staging.mkdir()
        manifest = json.loads((self._templates / "manifest.json").read_text())
        manifest["digest"] = hashlib.sha256(content.encode()).hexdigest()
        statistics = "drifted.json" if "drift" in content else "statistics.json"
        (staging / "content.txt").write_text(content)
        shutil.copyfile(self._templates / statistics, staging / "statistics.json")
        (staging / "manifest.json").write_text(json.dumps(manifest))
        shutil.rmtree(output, ignore_errors=True)
        staging.rename(output)
        return 0, "dataset published"

    def _trainer(self, flags: dict[str, Any]) -> tuple[int, str]:
        content = (Path(flags["data"]) / "content.txt").read_text()
        output = Path(flags["output"])
        output.mkdir(exist_ok=True)
        if "crash" in content:
            return 1, "Traceback\nMemoryError"
        warm = flags.get("warm_start")
        if warm is not None:
            assert (Path(warm) / "model.keras").is_file()
        if "gate" in content:
            return 3, "gate failed, nothing is published: padding: probe 'k'"
        import yaml

        config = yaml.safe_load(Path(flags["config"]).read_text())
        (output / "model.keras").write_text(f"weights of {content}")
        (output / "vocabularies").mkdir(exist_ok=True)
        (output / "vocabularies" / "text.txt").write_text("good\nbad\n")
        started = {"whole": 3, "fresh": [], "tokens": {"text": {"kept": 2, "new": 0, "dropped": 1}}, "classes": None}
        training = {"config": config, "history": [{}], "training_seconds": 0.1, "warm_start": started if warm else None}
        (output / "training.json").write_text(json.dumps(training))
        (output / "evaluation.json").write_text("{}")
        (output / "report.html").write_text("<html>")
        versions = [int(path.name) for path in (output / "export").glob("[0-9]*")]
        target = output / "export" / str(max(versions, default=0) + 1)
        staged = output / "export" / "staging-1"
        staged.mkdir(parents=True, exist_ok=True)
        (staged / "saved_model.pb").write_text(f"graph of {content}")
        staged.rename(target)
        return 0, "trained"

    def _compare(self, flags: dict[str, Any]) -> tuple[int, str]:
        content = (Path(flags["data"]) / "content.txt").read_text()
        assert (Path(flags["challenger"]) / "saved_model.pb").read_text() == f"graph of {content}"
        score = 0.5 if "worse" in content else 0.8
        found: dict[str, Any] = {
            "split": "test", "digest": "", "kind": "binary", "rows": 200, "metric": "accuracy",
            "larger_is_better": True, "challenger": {"accuracy": score}, "champion": None,
        }  # fmt: skip
        if flags.get("champion"):
            assert (Path(flags["champion"]) / "saved_model.pb").is_file()
            gain = {"champion": 0.79, "challenger": score, "value": score - 0.79, "low": score - 0.8, "high": 0.05}
            found |= {
                "champion": {"accuracy": 0.79},
                "gain": gain | {"confidence": 0.95},
                "mcnemar": None,
                "slices": [],
            }
        Path(flags["output"]).write_text(json.dumps(found))
        return 0, "compared"


def _flags(arguments: Sequence[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", nargs="+")
    for switch in ("--raw-held-out", "--resume"):
        parser.add_argument(switch, action="store_true")
    names = ("--spec", "--output", "--cache", "--data", "--config", "--warm-start")
    for name in (*names, "--challenger", "--champion", "--confidence", "--slices", "--metric"):
        parser.add_argument(name)
    return vars(parser.parse_args(arguments))
