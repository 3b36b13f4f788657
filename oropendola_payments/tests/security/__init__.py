"""Access rights, forged notices, hostile input, ways to get service without paying."""
