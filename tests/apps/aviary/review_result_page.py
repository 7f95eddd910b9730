"""A page that shows a run's result and its review; `test_review_result` opens it."""

from apps.aviary.views.class_export import show_class_export
from apps.aviary.views.export import show_export
from apps.aviary.views.publish import publish_finds
from apps.aviary.views.result import show_result
from apps.aviary.views.review import review_step
from apps.aviary.views.run import ShownMap, load_result
from shared.ui import app_page, bind_run

with app_page("aviary") as ctx:
    run = bind_run(ctx)
    shown = load_result(ctx, run) if run is not None else None
    if isinstance(shown, ShownMap):
        show_class_export(ctx, shown)
    elif shown is not None:
        result, threshold, min_area_m2 = show_result(ctx, shown)
        review_step(ctx, shown, result, threshold, min_area_m2)
        show_export(ctx, shown, result, threshold, min_area_m2)
        publish_finds(ctx, shown, result, threshold, min_area_m2)
