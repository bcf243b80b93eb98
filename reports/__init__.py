"""What was found: the record of an audit, and every way to read it. No model is needed here."""
