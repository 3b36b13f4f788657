"""Tests of more than one module; those of one module lie beside it."""
