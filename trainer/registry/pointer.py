"""The pointer: which version is champion, moved by one rename, and back.

    champion -> versions/7

At every moment the pointer names a version that is whole: a version is checked against its checksums before the
pointer moves to it, and neither the champion nor the one before it is ever removed.
"""

from __future__ import annotations

import datetime
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import OutputError
from trainer.output_directory import write_json
from trainer.registry.files import sync_directory
from trainer.registry.versions import PROMOTION_FILE, RegistryError, Version, Versions

POINTER = "champion"


@dataclass(frozen=True)
class Registry:
    """A registry's versions and its pointer.

    Attributes:
      root: its directory; made when the first version is registered.
    """

    root: Path

    @property
    def versions(self) -> Versions:
        """The version directories."""
        return Versions(self.root)

    @property
    def pointer(self) -> Path:
        """The symbolic link to the champion's directory."""
        return self.root / POINTER

    def champion_number(self) -> int | None:
        """The number that the pointer names, whether or not that version is sound; None without a pointer."""
        try:
            name = Path(os.readlink(self.pointer)).name
        except OSError:
            return None
        return int(name) if name.isdigit() else None

    def champion(self) -> Version | None:
        """The champion; None when there is no pointer, or when its version is missing or damaged."""
        number = self.champion_number()
        if number is None or self.versions.problems(number):
            return None
        return self.versions.open(number)

    def promote(self, number: int, reason: str) -> Version:
        """Makes a version champion.

        Args:
          number: of the version.
          reason: noted beside it.

        Raises:
          RegistryError: there is none, or it is damaged; the pointer is unchanged.
          OutputError: the registry cannot be written; the pointer is unchanged.
        """
        problems = self.versions.problems(number)
        if problems:
            raise RegistryError(f"version {number} cannot become champion: {problems[0]}; the champion is unchanged")
        version = self.versions.open(number)
        before = self.champion_number()
        if before == number:
            return version
        note = {"at": _now(), "reason": reason, "previous": before}
        write_json(version.path / PROMOTION_FILE, note)
        self._point_to(number)
        return version

    def previous(self) -> int | None:
        """The nearest earlier champion that is sound; None when there is none."""
        number = self.champion_number()
        seen = {number}
        while number is not None:
            number = _promotion(self.versions.directory / str(number)).get("previous")
            if number in seen:
                return None
            seen.add(number)
            if number is not None and not self.versions.problems(number):
                return int(number)
        return None

    def rollback(self) -> Version:
        """Makes the nearest sound earlier champion the champion again, without forgetting what was before it.

        Raises:
          RegistryError: there is none; the pointer is unchanged.
        """
        number = self.previous()
        if number is None:
            raise RegistryError(
                f"nothing to roll back to: no sound version was champion before {self.champion_number() or 'now'}; "
                f"versions: {', '.join(map(str, self.versions.numbers())) or 'none'}; `promote VERSION` chooses one"
            )
        self._point_to(number)
        return self.versions.open(number)

    def repair(self) -> Version | None:
        """Moves the pointer away from a missing or damaged version, to the last sound champion before it.

        Returns:
          The champion after the repair; None when no earlier champion is sound, and then the pointer is removed.
        """
        if (champion := self.champion()) is not None:
            return champion
        number = self.previous()
        if number is None:
            # The damaged version's own note may be lost with it: then the highest sound one that ever was champion.
            promoted = [v.number for v in self.versions.all() if _promotion(v.path)]
            sound = [n for n in promoted if n != self.champion_number() and not self.versions.problems(n)]
            number = max(sound, default=None)
        if number is not None:
            self._point_to(number)
            return self.versions.open(number)
        self.pointer.unlink(missing_ok=True)
        return None

    def collect(self, keep: int) -> list[int]:
        """Removes all but the last versions, the champion and the one before it.

        Args:
          keep: how many of the highest numbers stay.

        Returns:
          Numbers of the removed versions.
        """
        self.versions.sweep()
        numbers = self.versions.numbers()
        kept = {*numbers[max(0, len(numbers) - keep) :], self.champion_number(), self.previous()}
        removed = [number for number in numbers if number not in kept]
        for number in removed:
            self.versions.remove(number)
        return removed

    def _point_to(self, number: int) -> None:
        partial = self.root / f".{POINTER}.partial"
        try:
            partial.unlink(missing_ok=True)
            partial.symlink_to(Path("versions", str(number)))
            partial.replace(self.pointer)
            sync_directory(self.root)
        except OSError as error:
            raise OutputError(f"{self.pointer}: cannot be changed ({error}); it is what it was") from error


def _promotion(path: Path) -> dict[str, Any]:
    try:
        content = json.loads((path / PROMOTION_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
