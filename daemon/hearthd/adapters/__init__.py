"""One outside world each: the real side of every port."""
