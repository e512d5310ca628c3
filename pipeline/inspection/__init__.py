"""Inspects new scans on the stages' own scoring path: models, scans, results, the station."""
