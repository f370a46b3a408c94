#!/usr/bin/python3
"""What a JUnit report says.

junit.py FILE                 how many cases passed, failed and were skipped
junit.py --failed FILE        the failed cases as pytest names them, a line each
junit.py --passed-again FILE  writes FILE anew: its failed cases passed since

Exits 1 when there is no readable report."""
import sys
import xml.etree.ElementTree as tree

BAD = ("failure", "error")


def has_failed(case):
    return any(case.find(tag) is not None for tag in BAD)


def pytest_name(case):
    """tests.e2e.test_x[.TestY], test_z[1] -> tests/e2e/test_x.py[::TestY]::test_z[1]"""
    parts = case.get("classname", "").split(".")
    file = next((i for i, part in enumerate(parts) if part.startswith("test_")),
                len(parts) - 1)
    return "::".join(["/".join(parts[:file + 1]) + ".py", *parts[file + 1:],
                      case.get("name", "")])


def main(arguments):
    name = arguments[-1]
    try:
        report = tree.parse(name)
    except (OSError, tree.ParseError):
        return 1
    cases = list(report.getroot().iter("testcase"))
    failed = [case for case in cases if has_failed(case)]
    if arguments[0] == "--failed":
        for case in failed:
            print(pytest_name(case))
    elif arguments[0] == "--passed-again":
        for case in failed:
            for tag in BAD:
                for child in case.findall(tag):
                    case.remove(child)
        report.write(name)
    else:
        skipped = sum(case.find("skipped") is not None for case in cases)
        print(len(cases) - len(failed) - skipped, len(failed), skipped)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
