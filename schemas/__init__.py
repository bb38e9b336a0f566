"""The contract between the pipeline and the trainer: dataset specs going in, manifests coming out."""
