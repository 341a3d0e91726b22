"""Speech to words: sound in, the likeliest sentence of a grammar and how sure it is out."""
