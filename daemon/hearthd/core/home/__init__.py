"""The house: device catalogue, discovery, tool schemas, policy, timers."""
