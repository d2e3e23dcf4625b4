"""Pictures as inline SVG: plain text made from plain values, nothing fetched, readable in print."""
