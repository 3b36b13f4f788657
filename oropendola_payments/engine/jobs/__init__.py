"""What the scheduler starts: cron only queues, a worker does the work."""
