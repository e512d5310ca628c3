"""`mentor3ad reset`."""


def reset() -> None:
    """Take params.yaml, dvc.lock, metrics and outs back to the last commit's.

    An experiment that ran in the workspace, or `dvc exp apply`, leaves its own behind.
    """
    from ..revisions.reset import reset_to_commit

    changed = reset_to_commit()
    for one in changed:
        print(f"params.yaml: {one}")
    print("params.yaml and the results are those of the last commit")
