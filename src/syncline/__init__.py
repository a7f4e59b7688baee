"""Syncline keeps the records of two business systems in step."""

__version__ = "0.1.0"
