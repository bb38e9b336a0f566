"""The page that shows a model's training and worth: one HTML file, no network, light and dark, phone and desktop."""
