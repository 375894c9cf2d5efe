"""The downstream tasks, one file each: networks and images in, an `Outcome` out; nothing is written."""
