"""What a self-contained HTML page is made of: its parts (html), its charts (charts, bars, figure).

Pages are Jinja2 templates; charts are Plotly figures. Neither needs numpy or torch, so that a
report of training and one of a robot are made of the same pieces.
"""
