"""One address before several servers of the same model; each is a job of its own."""
