frappe.ui.form.on("Payment Refund", {
	refresh(frm) {
		if (frm.doc.__onload?.can_close)
			frm.add_custom_button(__("Mark as not made"), () => close_refund(frm));
	},
});

function close_refund(frm) {
	const fields = [
		{
			fieldtype: "HTML",
			options: __(
				"Please check the gateway's dashboard first. If the refund was made, the customer could get the money twice."
			),
		},
		{ fieldname: "note", fieldtype: "Small Text", label: __("What did you see there?"), reqd: 1 },
	];
	const close = async ({ note }) => {
		const answer = await oropendola.call("admin.close_refund", { refund: frm.doc.name, note });
		if (answer) frm.reload_doc();
		return answer;
	};
	oropendola.ask(__("Mark this refund as not made"), fields, __("Release the amount"), close);
}
