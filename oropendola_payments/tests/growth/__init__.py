"""A site as large as one becomes after years: filled by SQL, and what each path reads of it."""
