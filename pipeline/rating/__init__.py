"""The test scans of a category rated: their results and truth, as stages and pages read them."""
