"""Check an API key and count what is used: the daily quota, further limits of the plan, weights of models, leases."""
