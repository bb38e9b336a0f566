"""Versions: registered whole in one rename, checked against their checksums, removed when too many."""

from __future__ import annotations

import datetime
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import InputError, LengthwiseError, OutputError
from schemas.manifest import MANIFEST_NAME, load_manifest
from schemas.statistics import STATISTICS_NAME
from trainer.output_directory import OutputDirectory, write_atomically, write_json
from trainer.registry.files import checksums, copy_synced, sync_directories, sync_directory

VERSION_FILE = "version.json"
PROMOTION_FILE = "promotion.json"
# The note of a promotion is written later, and a crash may leave it half-written.
_NOT_COUNTED = frozenset({VERSION_FILE, PROMOTION_FILE, f"{PROMOTION_FILE}.partial"})


class RegistryError(LengthwiseError):
    """A version that is not there, or is not what was registered."""


@dataclass(frozen=True)
class Version:
    """One registered model.

    Attributes:
      number: its own, for ever.
      path: its directory.
      content: of version.json.
    """

    number: int
    path: Path
    content: dict[str, Any]

    @property
    def serving(self) -> Path:
        """The exported SavedModel."""
        return self.path / "serving" / str(self.number)

    @property
    def statistics(self) -> Path:
        """Statistics of the dataset that it was trained on."""
        return self.path / STATISTICS_NAME

    @property
    def run(self) -> str:
        """The run that registered it."""
        return str(self.content.get("run", ""))


class Versions:
    """The version directories of a registry.

    Args:
      root: the registry's directory.
    """

    def __init__(self, root: Path) -> None:
        self.directory = root / "versions"

    def numbers(self) -> list[int]:
        """Numbers of the registered versions, ascending."""
        if not self.directory.is_dir():
            return []
        return sorted(int(path.name) for path in self.directory.iterdir() if path.name.isdigit())

    def open(self, number: int) -> Version:
        """Reads a version's description; `problems` says whether the rest is sound.

        Raises:
          RegistryError: there is none, or its version.json cannot be read.
        """
        path = self.directory / str(number)
        try:
            content = json.loads((path / VERSION_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            known = ", ".join(map(str, self.numbers())) or "none"
            raise RegistryError(
                f"version {number}: no readable {path / VERSION_FILE} ({error}); expected one of these: {known}"
            ) from error
        return Version(number, path, content)

    def all(self) -> list[Version]:
        """Every version whose description can be read, ascending."""
        found = []
        for number in self.numbers():
            try:
                found.append(self.open(number))
            except RegistryError:
                continue
        return found

    def problems(self, number: int) -> list[str]:
        """What is wrong with a version's files; empty when they are what was registered."""
        try:
            version = self.open(number)
        except RegistryError as error:
            return [str(error)]
        expected = version.content["files"]
        try:
            found = checksums(version.path, _NOT_COUNTED)
        except OSError as error:
            return [f"{version.path}: cannot be read ({error})"]
        missing = [f"{name} is missing" for name in expected if name not in found]
        changed = [f"{name} is not what was registered" for name in found if found[name] != expected.get(name)]
        return missing + changed

    def register(self, run: str, model: Path, data: Path, extras: dict[str, Any]) -> Version:
        """Copies a trained, exported model in as the next version; the same run registers once.

        Args:
          run: name of the run.
          model: output directory of the trainer, with an export in it.
          data: the dataset that it was trained on.
          extras: more to note in version.json.

        Raises:
          InputError: no exported model there.
          OutputError: the registry cannot be written.
        """
        for version in self.all():
            if version.run == run:
                return version
        number = self._next()
        staged = self.directory / f".incoming-{number}"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self.sweep()
            self._copy(model, data, number, staged)
            content = {
                "number": number,
                "run": run,
                "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "dataset_digest": load_manifest(data).digest,
                **extras,
                "files": checksums(staged),
            }
            write_json(staged / VERSION_FILE, content)
            sync_directories(staged)
            staged.rename(self.directory / str(number))
            sync_directory(self.directory)
        except OSError as error:
            shutil.rmtree(staged, ignore_errors=True)
            raise OutputError(f"{staged}: cannot register the model ({error}); nothing was") from error
        return self.open(number)

    def remove(self, number: int) -> None:
        """Removes a version: out of sight in one rename, then from the disk. Its number stays used."""
        write_atomically(self._mark, f"{max(number, self._highest_removed())}\n")
        (self.directory / str(number)).rename(self.directory / f".removed-{number}")
        self.sweep()

    def sweep(self) -> None:
        """Removes what a crash left of versions that were being registered or removed."""
        for pattern in (".incoming-*", ".removed-*"):
            for path in self.directory.glob(pattern):
                shutil.rmtree(path, ignore_errors=True)

    @property
    def _mark(self) -> Path:
        return self.directory / ".highest_removed"

    def _highest_removed(self) -> int:
        try:
            return int(self._mark.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0

    def _next(self) -> int:
        return max([self._highest_removed(), *self.numbers()]) + 1

    def _copy(self, model: Path, data: Path, number: int, staged: Path) -> None:
        places = OutputDirectory(model)
        exports = [path for path in places.export.iterdir() if path.name.isdigit()] if places.export.is_dir() else []
        if not exports:
            raise InputError(
                f"{places.export}: holds no exported model; expected what `python -m trainer` leaves there"
            )
        copy_synced(max(exports, key=lambda path: int(path.name)), staged / "serving" / str(number))
        for source in (places.model, places.training, places.evaluation, places.report, places.vocabularies):
            if source.exists():
                copy_synced(source, staged / source.name)
        for name in (MANIFEST_NAME, STATISTICS_NAME):
            copy_synced(data / name, staged / name)
