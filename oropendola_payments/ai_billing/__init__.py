"""DocTypes, reports and print formats. Each DocType enforces its own rules."""
