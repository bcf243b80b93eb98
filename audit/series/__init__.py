"""Many checkpoints of one run: found, put in order, watched, compared."""
