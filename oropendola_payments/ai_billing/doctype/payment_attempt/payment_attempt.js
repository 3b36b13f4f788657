frappe.ui.form.on("Payment Attempt", {
	refresh(frm) {
		if (frm.doc.__onload?.can_refresh)
			frm.add_custom_button(__("Refresh status"), () => oropendola.refresh_status(frm, frm.doc.name));
	},
});
