"""Packs of credits: list them, quote and buy one, and offer what helps a customer whose quota is used up."""
