"""How many channels the backbones' features have, wherever they are stored or read."""

RGB_CHANNELS = 768  # of DINO's ViT-B
POINT_CHANNELS = 1152  # of Point-MAE: three blocks' outputs of 384, one after the other
