"""What a self-contained HTML page is made of: its frame (html), its charts (axes, plots).

Standard library only, so that a report of training and one of a robot are made of the same pieces.
"""
