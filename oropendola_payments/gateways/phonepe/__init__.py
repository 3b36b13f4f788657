"""PhonePe: Standard Checkout (v2), and the older salt scheme in a folder of its own."""
