"""Page functions of the gallery; the only place with Streamlit besides `shared.auth.session`."""

from shared.contracts.finding import Finding
from shared.ui.data import ChosenData, SampleFile, choose_data, show_checks
from shared.ui.export import Download, export_bar, file_name
from shared.ui.failures import error_box
from shared.ui.feedback import flag_result
from shared.ui.jobs import bind_run, hide_run, job_panel, show_run
from shared.ui.kiosk import is_kiosk
from shared.ui.map_spec import ImageBase, LegendEntry, MapEvent, MapSpec, Shape, display_image
from shared.ui.maps import map_with_table
from shared.ui.profile import steckbrief
from shared.ui.publish import publish_button
from shared.ui.recent import job_list
from shared.ui.result import (
    Column,
    Figure,
    Selection,
    answer_panel,
    chart,
    escape_markdown,
    figures,
    table,
)
from shared.ui.shell import AppContext, app_page, empty_state, notice_bar, primary_action, step
from shared.ui.status import model_server_status

__all__ = [
    "AppContext",
    "ChosenData",
    "Column",
    "Download",
    "Figure",
    "Finding",
    "ImageBase",
    "LegendEntry",
    "MapEvent",
    "MapSpec",
    "SampleFile",
    "Selection",
    "Shape",
    "answer_panel",
    "app_page",
    "bind_run",
    "chart",
    "choose_data",
    "display_image",
    "empty_state",
    "error_box",
    "escape_markdown",
    "export_bar",
    "figures",
    "file_name",
    "flag_result",
    "hide_run",
    "is_kiosk",
    "job_list",
    "job_panel",
    "map_with_table",
    "model_server_status",
    "notice_bar",
    "primary_action",
    "publish_button",
    "show_checks",
    "show_run",
    "steckbrief",
    "step",
    "table",
]
