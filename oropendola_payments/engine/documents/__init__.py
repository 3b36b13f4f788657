"""Tax documents: number, issue, correct, render and export invoices and credit notes that nobody can change afterwards."""
