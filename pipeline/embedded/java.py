"""Java and Maven on this machine."""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

JAVA_MIN = 17
ASK_SECONDS_MAX = 20.0
WANTED = f"Apache Kafka needs a JDK of version {JAVA_MIN} or newer"
HOW_JAVA = "install one (Debian, Ubuntu: apt install openjdk-17-jre-headless) or point JAVA_HOME at it"
HOW_MAVEN = (
    "Apache Kafka's jars are brought by Maven, and there is no `mvn` on the PATH; "
    "install it (Debian, Ubuntu: apt install maven)"
)


def missing() -> str | None:
    """Answer None, or what is missing to run Apache Kafka and how to get it."""
    path = program()
    if path is None:
        return f"{WANTED}, and there is no `java` on the PATH; {HOW_JAVA}"
    version = version_of(path)
    found = re.match(r"(\d+)", version)
    if found is None:
        return f"{WANTED}, and `{path} -version` does not tell a version; {HOW_JAVA}"
    if int(found[1]) < JAVA_MIN:
        return f"{WANTED}, and {path} is {version}; {HOW_JAVA}"
    if shutil.which("mvn") is None:
        return HOW_MAVEN
    return None


def program() -> str | None:
    """Answer the path of ``java``: JAVA_HOME's, else the PATH's."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")


@cache
def version_of(path: str) -> str:
    """Answer the full version of a ``java`` (``17.0.15+6-Debian-1deb12u1``), empty when it does not tell."""
    try:
        asked = subprocess.run(  # noqa: S603 - the user's own java
            [path, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            timeout=ASK_SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    told = re.search(r"java\.runtime\.version = (\S+)", asked.stderr) or re.search(r'version "([^"]+)"', asked.stderr)
    return told[1].removeprefix("1.") if told else ""
