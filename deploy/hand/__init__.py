"""The hand as the loop sees it: `Hand` behind one safety gate, and the operator's stop."""
