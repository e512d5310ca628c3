"""The scripts of the stages, each of which `dvc repro` runs as `python -m stages.NAME`.

Python runs this file before the stage's own, and so before the imports that take a second: dvc may
be killed meanwhile.
"""

import sys

if sys.argv[0] == "-m":  # which Python puts there while it looks for the module to run
    from mentor3ad.plumbing.processes import begin_stage

    begin_stage()
    from mentor3ad.plumbing.waiting import wait_briefly

    wait_briefly()  # before a stage's own imports, of which torch is one
    from mentor3ad.plumbing.errors import show_uncaught

    sys.excepthook = show_uncaught  # until the runner takes care: libraries may not load
