"""The network that maps one modality to the other, MGM's and CFM's."""

from torch import nn


def mapping_network(inputs: int, outputs: int, hidden: int | None) -> nn.Sequential:
    """Three linear layers with GELU between, hidden width (in + out) // 2 as in CFM."""
    hidden = hidden or (inputs + outputs) // 2
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.GELU(),
        nn.Linear(hidden, hidden),
        nn.GELU(),
        nn.Linear(hidden, outputs),
    )
