"""The records: what is sold, owed and paid, and the rules that each record keeps by itself."""
