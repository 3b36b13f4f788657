"""Sum up the payments of days that are over, and again when something of them changed."""
