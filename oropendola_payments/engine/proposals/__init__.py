"""What agents of staff propose, and what becomes of it when a person approves it."""
