"""What is held before anything of it is written: a restore, a mass change, a mass deletion, something older."""
