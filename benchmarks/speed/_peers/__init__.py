"""Other libraries measured beside this one: `sleight bench peers` and `sleight bench train_peers`.

A peer is a row of `table.py`, a script in `workers` that runs in its Python, and a file in
`requirements` if it needs an environment of its own, which `environment.py` makes at first use.
`worker_process.py` talks to the script, `race.py` lets all take turns, `plot.py` draws.
"""
