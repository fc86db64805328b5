"""A real SLURM on one machine, without systemd or a database: munged, slurmctld and slurmd in a temporary folder.

``python tests/support/slurm.py COMMAND …`` starts such a cluster, runs a command with it, and stops it. Only this
command and its jobs see the cluster's ``/etc/slurm``, which lies in a mount namespace of its own. A variable
``SLURM_CONF`` would not do: Snakemake's executor takes all variables of SLURM from the steps of its jobs.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo", "unshare")
SETTINGS = Path("/etc/slurm")
# How long the daemons may take to answer.
PATIENCE_S = 60

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
# No systemd, no control groups, no database.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# Finished jobs stay visible to squeue, which has to tell how they ended.
MinJobAge=3600
SchedulerParameters=sched_interval=1,batch_sched_delay=0
# Cores and memory are as stated, whatever the machine has.
SlurmdParameters=config_overrides
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory_mb} State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """Return in one line why this machine cannot run SLURM; an empty text if it can."""
    absent = [program for program in PROGRAMS if find(program) is None]
    if absent or not SETTINGS.is_dir():
        what = ", ".join(absent) or f"folder {SETTINGS}"
        return f"expected SLURM and MUNGE on this machine, found no {what}; on Debian: apt install slurm-wlm munge"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        return "expected the right to start SLURM's daemons in a mount namespace, found none; run the test as root"
    return ""


def find(program):
    """Return the path of a program; daemons lie outside the search path of ordinary users."""
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


@contextmanager
def cluster(cores=2, memory_mb=64000):
    """Start a cluster of one node in this mount namespace, and stop it in the end.

    Parameters
    ----------
    cores, memory_mb : what the node states; jobs wait for both
    """
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:
        folder = Path(name)
        for part in ("state", "spool", "etc"):
            (folder / part).mkdir()
        write_configuration(folder, cores, memory_mb)
        subprocess.run(["mount", "--bind", folder / "etc", SETTINGS], check=True)
        daemons = []
        try:
            daemons.append(start_munge(folder))
            wait_until(lambda: (folder / "munge.socket").exists(), "munged", folder)
            for program in ("slurmctld", "slurmd"):
                with (folder / f"{program}.log").open("w") as log:
                    daemons.append(subprocess.Popen([find(program), "-D"], stdout=log, stderr=log))
            wait_until(lambda: node_state() == "idle", "slurmctld and slurmd", folder)
            yield
        finally:
            subprocess.run(["scancel", "--user=root"], check=False)
            for daemon in reversed(daemons):
                daemon.terminate()
                try:
                    daemon.wait(20)
                except subprocess.TimeoutExpired:
                    daemon.kill()
            subprocess.run(["umount", SETTINGS], check=False)


def write_configuration(folder, cores, memory_mb):
    """Write the configuration of a cluster, with ports that are free now."""
    host = socket.gethostname().split(".")[0]
    controller_port, node_port = free_ports(2)
    path = folder / "etc/slurm.conf"
    path.write_text(
        CONFIGURATION.format(
            host=host,
            folder=folder,
            cores=cores,
            memory_mb=memory_mb,
            controller_port=controller_port,
            node_port=node_port,
        )
    )


def free_ports(n_ports):
    sockets = [socket.socket() for _ in range(n_ports)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start_munge(folder):
    """Start the service that tells SLURM's daemons who asks, with a key of its own."""
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    folder.chmod(0o755)
    files = {name: folder / f"munge.{name}" for name in ("socket", "pid", "log", "seed")}
    command = [
        find("munged"),
        "--foreground",
        "--force",
        f"--key-file={key}",
        f"--socket={files['socket']}",
        f"--pid-file={files['pid']}",
        f"--log-file={files['log']}",
        f"--seed-file={files['seed']}",
    ]
    with (folder / "munged.out").open("w") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def node_state():
    return subprocess.run(
        ["sinfo", "--noheader", "--format=%T"], capture_output=True, text=True, check=False
    ).stdout.strip()


def wait_until(ready, what, folder):
    """Wait for a daemon; after a minute, show the last lines of all logs."""
    until = time.monotonic() + PATIENCE_S
    while not ready():
        if time.monotonic() > until:
            logs = [*folder.glob("*.log"), *folder.glob("*.out")]
            last = "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in logs)
            raise RuntimeError(
                f"expected {what} to answer within {PATIENCE_S} s, found silence; their logs end in:\n{last}"
            )
        time.sleep(0.2)


def main(command):
    """Run a command with a cluster and return its exit status."""
    if missing():
        print(missing(), file=sys.stderr)
        return 1
    if os.environ.get("AUSCULT_TEST_NAMESPACE") != "mount":
        os.environ["AUSCULT_TEST_NAMESPACE"] = "mount"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, __file__, *command])
    # Ended by a signal, it still stops the daemons.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with cluster(int(os.environ.get("AUSCULT_TEST_CORES", 2))):
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
