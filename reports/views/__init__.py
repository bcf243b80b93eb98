"""What was found, in words and figures, computed once for every format."""
