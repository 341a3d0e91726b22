"""`hearthd demo`: the whole daemon among a pretended room and house, without microphone, broker or key."""
