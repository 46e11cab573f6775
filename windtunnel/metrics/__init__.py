"""Records to numbers: histograms, series, the aggregate. All of it merges."""
