"""A site whose encryption key was replaced, as after a restore with another site_config.json."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import frappe
from cryptography.fernet import Fernet


@contextmanager
def another_encryption_key() -> Iterator[None]:
	with patch.dict(frappe.local.conf, encryption_key=Fernet.generate_key().decode()):
		yield
