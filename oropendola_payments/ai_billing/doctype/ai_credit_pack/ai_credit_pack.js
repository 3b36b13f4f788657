frappe.ui.form.on("AI Credit Pack", {
	refresh(frm) {
		const plans = frm.doc.__onload?.charged_by_request;
		if (!plans?.length) return;
		const text = __(
			"With these plans a call uses the same credits however many tokens it has, because they have no weights for tokens: {0}",
			[plans.join(", ")]
		);
		frm.set_intro(frappe.utils.escape_html(text), "orange");
	},
});
