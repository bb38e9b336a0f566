"""Publishing where a directory cannot be renamed: object stores, and whatever else Beam opens.

    staging, finished ──> 1. OUT/.publishing     says that OUT is ours although it has no manifest for a while
                          2. OUT/manifest.json   the old one is removed: from here on readers refuse OUT
                          3. the new files are copied, and old ones without a successor removed
                          4. OUT/manifest.json   the new one, last: from here on readers see the new dataset
                          5. OUT/.publishing     is removed

A reader so never sees a mixture: it reads the manifest first and refuses a directory without one. A run that is killed
before step 2 leaves the old dataset as it was; one that is killed between 2 and 4 leaves no dataset, and the next run
over the same output writes one. The copies are made by the store itself where it can.
"""

from __future__ import annotations

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from pipeline.directories import copy_files, files_under, place, remove_files
from pipeline.whole_files import write_whole
from schemas.errors import OutputError

PUBLISHING = ".publishing"
# Beam's client for S3 cannot write an empty object.
_NOTE = b"A dataset is being copied here. If there is no manifest.json and no run any more, run the command again.\n"


def check_remote_output(output: str, marker: str) -> None:
    """Refuses an output that holds something other than a dataset, or that Beam cannot open.

    Args:
      output: the directory that will be replaced.
      marker: the file that says a directory is ours to replace.

    Raises:
      OutputError: saying which, and what to do.
    """
    try:
        if any(FileSystems.exists(FileSystems.join(output, name)) for name in (marker, PUBLISHING)):
            return
        found = files_under(output)
    except (ValueError, OSError, BeamIOError) as error:
        raise OutputError(
            f"{output}: cannot be opened ({error}); expected a path on a filesystem that Apache Beam has a client and "
            "credentials for, such as gs://, s3:// (pip install 'apache-beam[aws]') or a local one"
        ) from error
    if found:
        shown = ", ".join(found[:5]) + (" ..." if len(found) > 5 else "")
        raise OutputError(
            f"{output}: holds {shown} and no {marker}, so it is "
            "not a dataset that may be replaced; choose another --output, or empty it yourself"
        )


def publish_by_copy(staging: str, output: str, marker: str) -> None:
    """Copies a finished staging directory over the output, its marker last; the staging directory stays.

    Args:
      staging: a directory that holds its marker.
      output: the dataset's directory, on the same filesystem.
      marker: the file without which readers refuse the directory.

    Raises:
      OutputError: the filesystem refused; running again puts it right.
    """
    try:
        new, old = files_under(staging), set(files_under(output))
        write_whole(place(output, PUBLISHING), _NOTE)
        remove_files(output, [marker] if marker in old else [])
        copy_files(staging, output, [name for name in new if name != marker])
        remove_files(output, sorted(old - set(new) - {marker, PUBLISHING}))
        copy_files(staging, output, [marker])
        remove_files(output, [PUBLISHING])
    except (OSError, BeamIOError) as error:
        raise OutputError(
            f"{output}: cannot put the finished dataset there ({error}); it holds no dataset now unless the manifest "
            "is still there. Run the same command again"
        ) from error
