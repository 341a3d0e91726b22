"""The commands of hearthd, one file each."""
