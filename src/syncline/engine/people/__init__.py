"""What people decide: which records are the same, what a value shall be, what is undone or brought back."""
