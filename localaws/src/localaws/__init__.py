"""The embedded AWS of CloudCafe: two emulators behind one gateway, with consequences.

The chart runs it as `python -m localaws`; tests of other parts start it with `localaws.testing`.
An emulator keeps only the state of AWS. A consequence (one file in `consequences/`) makes that
state matter to the traffic of the cafe: connections drop, requests are throttled.
"""
