"""What a machine is, read by itself: any user, Python 3.8 or newer, and nothing else."""
