"""Open foreign networks, put nodes before and behind them, and compare the result with the original."""
