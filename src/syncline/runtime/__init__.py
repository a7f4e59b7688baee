"""Who takes turns and when: passes that go on, and the systems' calls that say where to look."""
