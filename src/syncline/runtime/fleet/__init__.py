"""Many companies, served by as many workers as are started over one PostgreSQL."""
