"""Remind customers of unpaid invoices: after a failed or abandoned payment and after the due date, at times that fit the cause."""
