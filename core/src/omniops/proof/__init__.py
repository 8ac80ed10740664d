"""Every promise as data, the probes that try to break it, and the policy that is compiled from both."""
