"""What was given: the table, its schema, the target, the plan of splits."""
