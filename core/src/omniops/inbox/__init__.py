"""What people do: queue, take over, assign, reply, approve, note, close."""
