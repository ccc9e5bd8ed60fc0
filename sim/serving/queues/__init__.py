"""Pools of replicas and their queues: order, dispatch, waiting."""
