"""VM, the Voting Module (section III-E): from score maps to a decision."""
