"""Tokens as the framework's OAuth issues them."""

import frappe
from frappe.utils import add_to_date, now_datetime


class OAuthClient:
	"""A program that users may log in with."""

	def __init__(self, scopes: str = "all openid transact"):
		client = {"app_name": "An agent", "scopes": scopes, "grant_type": "Authorization Code"}
		client |= {"default_redirect_uri": "https://agent.example", "response_type": "Code"}
		self.name = frappe.get_doc({"doctype": "OAuth Client", **client}).insert(ignore_permissions=True).name

	def token(self, user: str, scopes: str, **values) -> str:
		row = {
			"doctype": "OAuth Bearer Token",
			"client": self.name,
			"user": user,
			"scopes": scopes,
			"access_token": frappe.generate_hash(length=30),
			"expiration_time": add_to_date(now_datetime(), hours=1),
			"status": "Active",
			**values,
		}
		name = frappe.get_doc(row).insert(ignore_permissions=True).name
		frappe.db.commit()
		return name
