"""Pictures as SVG and as characters."""
