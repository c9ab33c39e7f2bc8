"""What is wrong with a configuration whatever is called: findings with codes, proven and never guessed."""
