"""Stories over all layers: paying, races, crashes, late news, budgets."""
