"""People and other apps hear of it: hooks, e-mails, templates, receipts. Nothing here can touch the money."""
