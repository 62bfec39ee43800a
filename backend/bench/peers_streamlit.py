"""A plain Streamlit page: `st.line_chart` in a fragment that reads what a process wrote.

``streamlit run backend/bench/peers_streamlit.py -- FOLDER``; ``?data=NAME`` names the folder in it
with the rows, ``&live=1`` reads them each second.
"""

from __future__ import annotations

import sys
from pathlib import Path

COLUMNS = ("loss", "keep_rate", "lr")


def page(folder: Path) -> None:
    import pandas
    import streamlit as st

    path = folder / st.query_params["data"] / "rows.csv"

    @st.fragment(run_every="1s" if "live" in st.query_params else None)
    def charts() -> None:
        rows = pandas.read_csv(path, names=["run", "step", *COLUMNS])
        for name in COLUMNS:
            with st.container(key=name):
                st.line_chart(rows, x="step", y=name, color="run")

    charts()


if __name__ == "__main__":
    page(Path(sys.argv[1]))
