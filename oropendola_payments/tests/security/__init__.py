"""Strangers and thieves: who may do what, forged messages, hostile input."""
