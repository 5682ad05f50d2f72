"""Several runs of one shape trained in one process: a lane for each, whose steps are carried out together."""
