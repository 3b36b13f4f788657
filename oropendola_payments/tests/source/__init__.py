"""Rules that only the source can prove: arrows between rooms, documents, files of the Desk."""
