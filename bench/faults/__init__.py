"""The fault campaign: it breaks things on purpose and counts what the project does about it.

    python -m bench.faults KIND... [--trials N] [--seed S] [--record]

docs/reliability.md says what each kind tries and shows the counts.
"""
