"""Pure decisions: which records are the same, and what each side should hold. No I/O, no clock, no chance."""
