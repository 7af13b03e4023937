"""Settings of every test run that no option of pytest covers."""

import operator
from pathlib import Path

# pytest names a test module after its path. Without a __path__ on the standard library's module,
# it would put our folder `operator/` in that module's place and break every later import of it.
operator.__path__ = [str(Path(__file__).parent / "operator")]
