"""What clusterkit says and leaves when things go wrong: `make faults`; tests run a sample of it.

A case is a fault, a verb, and what must be said. One runner makes the fault, measures, and looks
for leftovers by itself, from outside: it believes nothing that clusterkit says of them.
"""
