"""The dashboard's frame: pages on top, and the one workbench that outlives them all."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from frontend.workbench import workbench

HERE = Path(__file__).resolve().parent

st.set_page_config(page_title="LRD Lab", page_icon=str(HERE / "assets" / "icon.svg"), layout="wide")
st.logo(str(HERE / "assets" / "icon.svg"), size="large")

# The folder is not called "pages": Streamlit would run such files by themselves on a first visit.
page = st.navigation(
    [
        st.Page("views/explore.py", title="Explore", url_path="explore", default=True),
        st.Page("views/train.py", title="Train", url_path="train"),
        st.Page("views/sweeps.py", title="Sweeps", url_path="sweeps"),
        st.Page("views/lessons.py", title="Lessons", url_path="lessons"),
        st.Page("views/experiments.py", title="Experiments", url_path="experiments"),
        st.Page("views/compare.py", title="Compare", url_path="compare"),
    ],
    position="top",
)
# Before the page runs: so its socket, history and picture outlive reruns and page switches.
workbench(page.url_path or "explore")
page.run()
