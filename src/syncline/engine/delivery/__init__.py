"""Apply and remember: what was decided is sent, and what became of it is found out."""
