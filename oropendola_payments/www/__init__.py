"""The pages that customers open, one module for each address."""
