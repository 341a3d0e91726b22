"""The pretended room of `hearthd demo`, part by part."""
