"""What this host gives the agent and what it lacks, each with the way to mend it."""
