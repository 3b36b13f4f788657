"""Payment links: create, find and revoke an address at which somebody can pay one invoice without a log-in."""
