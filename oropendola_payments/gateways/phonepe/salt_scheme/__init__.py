"""PhonePe's older salt scheme, for accounts that were opened before Standard Checkout."""
