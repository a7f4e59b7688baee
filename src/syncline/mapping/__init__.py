"""The agreement: flow files, checked and frozen, and the translation of values both ways."""
