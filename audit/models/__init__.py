"""All that touches a model: loading, places, tokens, capture, behaviours."""
