"""Cashflows Gateway (UK): payment jobs on its hosted page, captures and refunds; its notices are unsigned."""
