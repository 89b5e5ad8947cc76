"""Pure decisions: history to promotions, sign-offs to verdicts, difference to plan. No clock, no files, no network."""
