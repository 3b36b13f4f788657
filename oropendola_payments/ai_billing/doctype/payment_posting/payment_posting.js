frappe.ui.form.on("Payment Posting", {
	refresh(frm) {
		const { document_type, document_name } = frm.doc;
		if (document_name && frappe.model.can_read(document_type))
			frm.add_custom_button(__("Open document"), () =>
				frappe.set_route("Form", document_type, document_name)
			);
		if (!frm.doc.__onload?.can_act) return;
		frm.add_custom_button(__("Post again"), () => post_again(frm));
		frm.add_custom_button(__("Close"), () => close_posting(frm));
	},
});

async function post_again(frm) {
	const answer = await oropendola.call("postings.retry", { posting: frm.doc.name });
	if (answer) oropendola.done(frm, __("It will be posted in a moment."));
}

function close_posting(frm) {
	const fields = [
		{
			fieldtype: "HTML",
			options: __("Please close this only if it was booked by hand, or must not be booked at all."),
		},
		{ fieldname: "note", fieldtype: "Small Text", label: __("What was done instead?"), reqd: 1 },
	];
	const close = async ({ note }) => {
		const answer = await oropendola.call("postings.close", { posting: frm.doc.name, note });
		if (answer) frm.reload_doc();
		return answer;
	};
	oropendola.ask(__("Close this posting"), fields, __("Close"), close);
}
