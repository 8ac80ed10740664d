"""What can be done with one person's data, from the marks alone: copied, corrected, limited, erased, and looked for."""
