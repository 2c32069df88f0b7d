"""The boundary sweep: every op at the points where frameworks part, generated from what its row declares.

`calls` finds operands and attributes that a row takes, `special` puts special numbers into them, `rows` makes points of
them, `running` measures and judges, `pinned` holds what is known to differ.
"""

__all__: list[str] = []
