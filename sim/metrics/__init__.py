"""What a run leaves behind: records, quantiles, SLA attainment, series and the summary."""
