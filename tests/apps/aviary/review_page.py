"""A page that shows a run's review and nothing else; `test_review_page` opens it."""

from apps.aviary.finds.analysis import count
from apps.aviary.views.review import review_step
from apps.aviary.views.run import ShownMap, load_result
from apps.aviary.views.sample import sample_step
from shared.ui import app_page, bind_run

THRESHOLD, MIN_AREA_M2 = 0.3, 0.0

with app_page("aviary") as ctx:
    run = bind_run(ctx)
    shown = load_result(ctx, run) if run is not None else None
    if isinstance(shown, ShownMap):
        sample_step(ctx, shown)
    elif shown is not None:
        result = count(shown.analysis, threshold=THRESHOLD, min_area_m2=MIN_AREA_M2)
        review_step(ctx, shown, result, THRESHOLD, MIN_AREA_M2)
