"""Rules about the source itself: imports between rooms, documents, files of the Desk."""
