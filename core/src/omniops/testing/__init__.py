"""What plugin authors import: a whole app on a scratch database, fakes, conformance suites."""
