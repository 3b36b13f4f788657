"""Scheduled jobs: cron only enqueues them, a worker runs them."""
