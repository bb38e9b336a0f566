"""`python -m schemas.json_schema` writes the spec's JSON Schema, for editors that complete and check YAML.

In VS Code or any editor with the YAML language server, put this line on top of a spec:

    # yaml-language-server: $schema=schemas/dataset_spec.schema.json
"""

from __future__ import annotations

import json
from pathlib import Path

from schemas.spec import DatasetSpec

PATH = Path(__file__).with_name("dataset_spec.schema.json")


def spec_json_schema() -> str:
    """The JSON Schema of a dataset spec, indented, ending in a line break."""
    return json.dumps(DatasetSpec.model_json_schema(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    PATH.write_text(spec_json_schema())
    print(f"wrote {PATH}")
