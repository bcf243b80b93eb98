"""The ground-truth bench: small models that are known to misbehave or not, and what audits say."""
