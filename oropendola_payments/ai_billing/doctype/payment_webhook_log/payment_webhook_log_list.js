frappe.listview_settings["Payment Webhook Log"] = {
	onload(listview) {
		if (!frappe.user.has_role("Payments Manager")) return;
		listview.page.add_actions_menu_item(__("Replay"), async () => {
			if (await oropendola.replay(listview.get_checked_items(true))) listview.refresh();
		});
	},
};
