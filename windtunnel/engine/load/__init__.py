"""When instances start: users, arrivals, the mix of scenarios and the rows of data files."""
