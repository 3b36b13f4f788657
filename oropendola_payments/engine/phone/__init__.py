"""Phone: number formats, one-time codes by SMS, and phone verification."""
