"""What stands where: nodes, racks, the power tree, placement of pools, what fits memory."""
