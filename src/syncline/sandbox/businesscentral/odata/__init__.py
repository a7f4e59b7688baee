"""OData as Business Central speaks it: queries, filters, answers and ``$metadata``."""
