"""The dataflow document: what people sign, made from the mapping."""
