"""The rooms together: from a plan to a record."""
