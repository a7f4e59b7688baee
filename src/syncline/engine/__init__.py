"""One turn: observe, match, merge, apply, remember; and what is made of turns: a pass, a plan, a proof."""
