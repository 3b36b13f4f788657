"""What all customer pages share: their frame, their words, and what a browser may load on them."""
