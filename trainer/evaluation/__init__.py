"""What a model is worth: metrics, their intervals, what trivial models reach, and a page that shows it."""
