"""Is all well: health, metrics, alerts, invariants and the audit trail."""
