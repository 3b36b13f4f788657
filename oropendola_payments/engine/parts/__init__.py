"""Parts: the amounts in which an invoice may be paid, the schedule of its instalments, and the days that each part buys."""
