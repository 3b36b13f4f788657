"""The outbox: remember what another app is to be told or to book, and try until it is done or somebody must look."""
