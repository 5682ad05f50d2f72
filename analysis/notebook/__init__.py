"""A notebook of a sweep that opens its tables and figures."""
