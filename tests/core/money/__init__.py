"""Tests of prices, costs, the budget and what was spent."""
