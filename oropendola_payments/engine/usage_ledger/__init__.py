"""Keep what was used: events that count once, reservations, daily sums, and what customers see of them."""
