"""What is wrong with a configuration whatever is called: findings with codes, proven and never guessed.

One file a check; a package a subject (`configuration`). What the codes are called stands in `meshsim.findings`, what
they say in `render/words`.
"""
