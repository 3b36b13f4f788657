"""Tax: who buys from whom, which rules fit, and what lines that gives."""
