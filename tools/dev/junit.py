#!/usr/bin/python3
"""junit.py FILE: prints how many cases of a JUnit report passed, failed and
were skipped; exits 1 when there is no readable report."""
import sys
import xml.etree.ElementTree as tree

try:
    cases = list(tree.parse(sys.argv[1]).getroot().iter("testcase"))
except (OSError, tree.ParseError):
    sys.exit(1)

failed = sum(any(case.find(tag) is not None for tag in ("failure", "error"))
             for case in cases)
skipped = sum(case.find("skipped") is not None for case in cases)
print(len(cases) - failed - skipped, failed, skipped)
