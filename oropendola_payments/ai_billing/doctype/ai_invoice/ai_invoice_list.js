frappe.listview_settings["AI Invoice"] = {
	onload(listview) {
		listview.page.add_inner_button(__("To review"), () =>
			listview.filter_area.add([["AI Invoice", "needs_review", "=", 1]])
		);
		listview.page.add_inner_button(__("Documents on hold"), () =>
			listview.filter_area.add([["AI Invoice", "document_state", "=", "Held"]])
		);
	},
};
