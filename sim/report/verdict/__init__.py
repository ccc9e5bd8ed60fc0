"""What a run says, worst first: readings of its summary, findings, and the answer in short."""
