"""Train and measure the rows of the papers' ablation tables, whose files are in config/ablations."""
