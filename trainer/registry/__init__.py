"""The model registry: numbered versions, one pointer to the champion, and the rule by which it moves.

    registry/
      champion -> versions/7              the pointer, changed by one rename
      versions/7/
        version.json                      number, origin, checksums of everything below
        model.keras training.json evaluation.json report.html vocabularies/    what a warm start reads
        serving/7/                        the SavedModel; TensorFlow Serving's base path is registry/champion/serving
        manifest.json statistics.json     of the dataset it was trained on
        promotion.json                    when it became champion, why, and what was champion before

A version appears whole, in one rename, and never changes but for promotion.json. A number is never used twice.
Champion: the model that serves. Challenger: a new one, which takes its place or not.
"""
