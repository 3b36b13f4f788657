"""Cashflows, played: `provider` answers its calls and shows its pages."""
