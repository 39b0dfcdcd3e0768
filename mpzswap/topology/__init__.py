"""The machine on paper: sockets, devices, queues, settings, read once from YAML."""
