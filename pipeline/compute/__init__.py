"""Where and how the networks compute: device, precision, threads and packed linear layers."""
