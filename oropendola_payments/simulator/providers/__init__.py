"""One folder a provider, played on its real wire protocol. `provider` is found by its place."""
