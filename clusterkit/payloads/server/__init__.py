"""A model that stays loaded over the ranks of a job, behind OpenAI's HTTP routes on rank 0."""
