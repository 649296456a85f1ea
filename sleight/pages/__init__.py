"""Self-contained HTML pages: parts of a page (html, trials) and charts (charts, figure).

Pages are Jinja2 templates; charts are Plotly figures. Neither needs numpy or torch, so that
reports of training and of a robot use the same parts.
"""
