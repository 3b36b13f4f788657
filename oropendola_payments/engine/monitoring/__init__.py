"""Monitoring: health, metrics, alerts, invariants and the audit trail."""
