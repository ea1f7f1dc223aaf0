"""python -m fewmask.cli"""

from fewmask.cli import main

main()
