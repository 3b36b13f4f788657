"""Coupons: who may redeem a code, what it takes off a price, and the redemptions that count against its limits."""
