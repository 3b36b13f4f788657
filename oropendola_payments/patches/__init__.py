"""What brings the data of an older version up to date, once."""
