"""Shared code of the customer pages: page frame, texts, order summary and Content-Security-Policy."""
