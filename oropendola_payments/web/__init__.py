"""What the customer pages share: the frame, texts, the order that is paid, what browsers may load."""
