"""What `train` is made of: features and target from a frame, weights, folds, progress."""
