"""Tests over all layers: payments, races, crashes, late events, statement budgets."""
