"""One folder a provider, named by its code. `provider.py` has its class, which the server finds by itself."""
