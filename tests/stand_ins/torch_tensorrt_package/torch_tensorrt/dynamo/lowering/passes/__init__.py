"""Stand-in: as much as tells which collectives there are, before 2.10."""
