"""What the data holds: companies with their codes, the demo, generated records; and snapshots of it."""
