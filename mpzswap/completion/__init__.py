"""What a device answers: the record, what each status means, how to wait for it."""
