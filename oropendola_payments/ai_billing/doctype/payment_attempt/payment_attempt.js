frappe.ui.form.on("Payment Attempt", {
	refresh(frm) {
		if (frm.doc.__onload?.can_refresh)
			frm.add_custom_button(__("Ask gateway now"), () => oropendola.refresh_status(frm, frm.doc.name));
	},
});
