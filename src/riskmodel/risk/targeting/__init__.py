"""Who gets limited support: equal-budget comparison of ways to choose, variance of risk, allocation, lottery."""
