"""A customer pays: choose a gateway, create the attempt, open it there, say where to go on."""
