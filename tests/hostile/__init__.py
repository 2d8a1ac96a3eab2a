"""What a hostile world does to cg: one module a kind, each a command of its own.

    python -m tests.hostile.kill --seconds 60
    python -m tests.hostile.interrupts --seed 7 --only 31

Every trial is made from the seed and its number alone; both are printed where one fails. The suite runs a few trials
of each kind (`test_hostile.py`).
"""
