"""What shows a newcomer that it works, with everything real: models, training, audits."""
