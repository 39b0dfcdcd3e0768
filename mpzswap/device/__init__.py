"""A device, in a process of its own: arbitrates queues, runs engines, answers."""
